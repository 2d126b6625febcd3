import { boundedEscaped } from '../bounded-text.ts';
import { jsonQuestion } from '../question.ts';
import type { WriteMessage } from './channel-api.ts';
import { messageLines, pageOf, type Tone, toneOf } from './message-lines.ts';

const COLORS: Readonly<Record<Tone, number>> = { good: 0x2e_a0_43, bad: 0xd7_3a_49, neutral: 0x58_65_f2 };
/** Of the description of an embed, which takes 4096. */
const MOST_CHARACTERS = 4000;

function escaped(text: string): string {
  return text.replace(/[\\*_~`|>[\]()#-]/g, '\\$&');
}

/** A webhook of Discord. Nobody is mentioned, whatever the text says. */
export const writeDiscord: WriteMessage = (message, url, { pageUrl }) => {
  const page = pageOf(message, pageUrl);
  const description = boundedEscaped(messageLines(message).join('\n'), MOST_CHARACTERS, escaped);
  const embed = {
    description,
    color: COLORS[toneOf(message)],
    ...(page !== undefined && { title: 'Show the rollout', url: page }),
  };
  return jsonQuestion(url, { embeds: [embed], allowed_mentions: { parse: [] } });
};
