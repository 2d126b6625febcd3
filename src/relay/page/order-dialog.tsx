import type { JSX, TargetedSubmitEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { SteeredEntry } from '../browser/documents.ts';
import { giveOrder, type OrderRequest } from './api.ts';
import { usePage } from './context.ts';
import { shortRef } from './format.ts';
import type { OrderOffer } from './orders.ts';
import { RevisionChoice } from './revision-choice.tsx';

interface OrderDialogProps {
  readonly entry: SteeredEntry;
  readonly offer: OrderOffer;
  readonly now: number;
  readonly onClose: () => void;
}

/** The name is asked for once in a browser; it may keep nothing, for example in a private window. */
const NAME_KEY = 'git-sidecar-who';

function rememberedName(): string {
  try {
    return localStorage.getItem(NAME_KEY) ?? '';
  } catch {
    return '';
  }
}

function rememberName(who: string): void {
  try {
    localStorage.setItem(NAME_KEY, who);
  } catch {
    // It is asked for again.
  }
}

/** Asks for the reason, and whether it is meant. */
export function OrderDialog({ entry, offer, now, onClose }: OrderDialogProps): JSX.Element {
  const { state } = usePage();
  const dialog = useRef<HTMLDialogElement>(null);
  const [trouble, setTrouble] = useState('');
  const [isBusy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const { repository, ref } = entry;
  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string): string => String(form.get(name) ?? '').trim();
    const to = text('other') || text('to');
    const request: OrderRequest = { order: offer.order, who: text('who'), why: text('why'), ...(to !== '' && { to }) };
    rememberName(request.who);
    setBusy(true);
    try {
      const ordered = await giveOrder(repository, ref, request);
      state.update(() => state.takeOrdered(ordered));
      dialog.current?.close();
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : 'the relay does not answer');
      setBusy(false);
    }
  };
  const name = offer.text.replace('…', '');
  return (
    <dialog ref={dialog} aria-labelledby="order-title" onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id="order-title">
          {name} {repository} {shortRef(ref)}?
        </h2>
        <p>{offer.effect}</p>
        {offer.takesRevision && <RevisionChoice entry={entry} order={offer.order} now={now} />}
        <label for="why">Why</label>
        <input id="why" name="why" required maxLength={500} autocomplete="off" autofocus />
        <label for="who">Your name</label>
        <input id="who" name="who" required maxLength={200} autocomplete="name" defaultValue={rememberedName()} />
        {trouble !== '' && (
          <p class="trouble" role="alert">
            {trouble}
          </p>
        )}
        <div class="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" class={offer.isGrave ? 'primary grave' : 'primary'} disabled={isBusy}>
            {name}
          </button>
        </div>
      </form>
    </dialog>
  );
}
