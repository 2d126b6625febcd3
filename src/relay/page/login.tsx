import type { JSX, TargetedSubmitEvent } from 'preact';
import { useState } from 'preact/hooks';
import { logIn, Refused } from './api.ts';
import { usePage } from './context.ts';

export function Login(): JSX.Element {
  const { connection, commits } = usePage();
  const [trouble, setTrouble] = useState('');
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const token = String(new FormData(event.currentTarget).get('token') ?? '').trim();
    setBusy(true);
    try {
      await logIn(token);
      commits.forget();
      connection.restart();
    } catch (error) {
      const isRefused = error instanceof Refused;
      setTrouble(
        isRefused && error.status === 429
          ? 'Too many requests; try again in a moment.'
          : isRefused
            ? error.message
            : 'The relay does not answer.',
      );
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form onSubmit={submit}>
        <h1>Log in</h1>
        <p class="quiet">With a token of the relay’s access file. Orders need one whose line begins with “steer”.</p>
        <input type="text" name="username" autocomplete="username" value="relay" readOnly hidden />
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="current-password" required autofocus />
        {trouble !== '' && (
          <p class="trouble" role="alert">
            {trouble}
          </p>
        )}
        <button type="submit" class="primary" disabled={isBusy}>
          Log in
        </button>
      </form>
    </main>
  );
}
