/** `text` with at most `most` characters (Unicode code points); what is too long ends in `…`. */
export function boundedText(text: string, most: number): string {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}

/** `text` with each character escaped, and at most `most` characters after that; no escape is cut in two. */
export function boundedEscaped(text: string, most: number, escaped: (character: string) => string): string {
  const parts: string[] = [];
  let length = 0;
  for (const character of text) {
    const part = escaped(character);
    length += part.length;
    if (length >= most) return `${parts.join('')}…`;
    parts.push(part);
  }
  return parts.join('');
}
