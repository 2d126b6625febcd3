import { Upstream } from './upstream.ts';

/** An upstream that publishes a commit under each tag it is given. */
export class Releases extends Upstream {
  /** @returns the commit */
  release(tag: string, options: { annotated?: boolean; files?: Record<string, string> } = {}): string {
    const oid = this.commit(options.files ?? { version: tag }, tag);
    this.git('tag', '-f', ...(options.annotated ? ['-a', '-m', tag] : []), tag);
    this.push(`refs/tags/${tag}`);
    return oid;
  }

  withdraw(tag: string): void {
    this.git('push', '-q', 'origin', `:refs/tags/${tag}`);
  }
}
