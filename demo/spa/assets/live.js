// What stays open: Server-Sent Events from the API, for as long as the session.

import { byId } from './view.js';

export function showLive(watch) {
  let source = null;
  const stop = (words) => {
    source?.close();
    source = null;
    byId('listen').textContent = 'Listen';
    byId('ticks').textContent = words;
  };
  byId('listen').addEventListener('click', () => {
    if (source) return stop('Stopped.');
    source = new EventSource('/api/ticks');
    byId('listen').textContent = 'Stop';
    byId('ticks').textContent = 'Connecting …';
    source.addEventListener('message', ({ data }) => {
      const { count, at } = JSON.parse(data);
      byId('ticks').textContent = `Tick ${count}, sent at ${new Date(at).toLocaleTimeString()}`;
    });
    source.addEventListener('error', () => {
      // The browser tries again by itself, unless it was refused. Why, only the session can tell.
      if (source?.readyState === EventSource.CLOSED) stop('The API does not let us listen.');
      watch.look();
    });
    return undefined;
  });
  watch.addEventListener('ended', () => source && stop('Closed with the session.'));
}
