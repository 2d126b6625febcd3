import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { SteeredEntry } from '../browser/documents.ts';
import { usePage } from './context.ts';
import { OrderDialog } from './order-dialog.tsx';
import { type OrderOffer, offersFor } from './orders.ts';

interface OrderBarProps {
  readonly entry: SteeredEntry;
  readonly now: number;
}

export function OrderBar({ entry, now }: OrderBarProps): JSX.Element {
  const { state } = usePage();
  const [chosen, setChosen] = useState<OrderOffer | undefined>();
  if (!entry.maySteer)
    return (
      <p class="quiet">
        {state.session?.open
          ? 'Orders need a relay with an access file.'
          : 'Your token may read; orders need one whose line of the access file begins with “steer”.'}
      </p>
    );
  return (
    <>
      <div class="orders" role="toolbar" aria-label="Orders">
        {offersFor(entry).map((offer) => (
          <button
            key={offer.order}
            type="button"
            class={offer.isGrave ? 'grave' : ''}
            disabled={offer.obstacle !== undefined}
            title={offer.obstacle ?? offer.effect}
            onClick={() => setChosen(offer)}
          >
            {offer.text}
          </button>
        ))}
      </div>
      {chosen && <OrderDialog entry={entry} offer={chosen} now={now} onClose={() => setChosen(undefined)} />}
    </>
  );
}
