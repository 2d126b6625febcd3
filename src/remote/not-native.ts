/** The server is not one that we understand natively; git itself has to ask. The message says why. */
export class NotNative extends Error {
  override readonly name = 'NotNative';
  /** A web page came, or a way to one. git takes the page of a dumb server for an empty list of refs. */
  readonly isWebPage: boolean;

  constructor(message: string, isWebPage = false) {
    super(message);
    this.isWebPage = isWebPage;
  }
}
