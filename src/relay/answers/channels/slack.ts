import { boundedEscaped } from '../bounded-text.ts';
import { jsonQuestion } from '../question.ts';
import type { WriteMessage } from './channel-api.ts';
import { messageLines, pageOf, type Tone, toneOf } from './message-lines.ts';

const MARKS: Readonly<Record<Tone, string>> = { good: ':white_check_mark:', bad: ':x:', neutral: ':arrow_forward:' };
/** Of the text of a section, which takes 3000 with its link. */
const MOST_CHARACTERS = 2000;

/** “Formatting text for app surfaces”: these three are the ones that Slack acts on. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** An incoming webhook of Slack. */
export const writeSlack: WriteMessage = (message, url, { pageUrl }) => {
  const page = pageOf(message, pageUrl);
  const text = boundedEscaped(messageLines(message).join('\n'), MOST_CHARACTERS, escaped);
  const link = page === undefined ? '' : `\n<${escaped(page)}|Show the rollout>`;
  const section = { type: 'section', text: { type: 'mrkdwn', text: `${MARKS[toneOf(message)]} ${text}${link}` } };
  return jsonQuestion(url, { text, blocks: [section], unfurl_links: false });
};
