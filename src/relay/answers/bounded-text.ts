/** `text` with at most `most` characters (Unicode code points); what is too long ends in `…`. */
export function boundedText(text: string, most: number): string {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}
