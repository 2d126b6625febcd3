import { boundedText } from '../bounded-text.ts';
import { jsonQuestion } from '../question.ts';
import type { WriteMessage } from './channel-api.ts';
import { messageLines, pageOf, type Tone, toneOf } from './message-lines.ts';

const COLORS: Readonly<Record<Tone, string>> = { good: 'good', bad: 'attention', neutral: 'default' };
/** A message may have 28 KB. */
const MOST_CHARACTERS = 4000;

/** A text block reads Markdown, of which names may hold characters. */
function escaped(text: string): string {
  return text.replace(/[\\*_[\]()#~`]/g, '\\$&');
}

/** A workflow of Microsoft Teams, “When a Teams webhook request is received”: an Adaptive Card. */
export const writeTeams: WriteMessage = (message, url, { pageUrl }) => {
  const page = pageOf(message, pageUrl);
  const lines = boundedText(messageLines(message).join('\n'), MOST_CHARACTERS).split('\n');
  const color = COLORS[toneOf(message)];
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body: lines.map((text, index) => ({
      type: 'TextBlock',
      text: escaped(text),
      wrap: true,
      ...(index === lines.length - 1 && { color, weight: 'bolder' }),
    })),
    ...(page !== undefined && { actions: [{ type: 'Action.OpenUrl', title: 'Show the rollout', url: page }] }),
  };
  const card = { contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content };
  return jsonQuestion(url, { type: 'message', attachments: [card] });
};
