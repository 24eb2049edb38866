// What stays open as long as the session: Server-Sent Events and a WebSocket.

import { byId } from './view.js';

/** The code by which Postern closes a WebSocket whose session has ended. */
const SESSION_ENDED = 4401;

export function showLive(watch) {
  let used = false;
  watch.addEventListener('change', ({ detail: { session } }) => {
    // Who had something open is to see what became of it.
    byId('live').hidden = !session && !used;
  });
  byId('live').addEventListener('click', () => { used = true; });
  showTicks(watch);
  showTalk(watch);
}

function showTicks(watch) {
  let source = null;
  const stop = (words) => {
    source?.close();
    source = null;
    byId('listen').textContent = 'Listen';
    byId('ticks').textContent = words;
  };
  const start = () => {
    source = new EventSource('/api/ticks');
    byId('listen').textContent = 'Stop';
    byId('ticks').textContent = 'Connecting …';
    source.addEventListener('message', ({ data }) => {
      const { count, at } = JSON.parse(data);
      byId('ticks').textContent = `Tick ${count}, sent at ${new Date(at).toLocaleTimeString()}`;
    });
    source.addEventListener('error', () => {
      // The browser tries again by itself, unless it was refused. Why, only the session can tell.
      if (source?.readyState === EventSource.CLOSED) stop('Refused.');
      watch.look();
    });
  };
  byId('listen').addEventListener('click', () => (source ? stop('Stopped.') : start()));
  watch.addEventListener('ended', () => source && stop('Ended with the session.'));
}

function showTalk(watch) {
  let socket = null;
  const start = () => {
    let opened = false;
    socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/api/talk`);
    byId('connect').textContent = 'Disconnect';
    byId('talk').textContent = 'Connecting …';
    socket.addEventListener('open', () => {
      opened = true;
      byId('say').hidden = false;
    });
    socket.addEventListener('message', ({ data }) => { byId('talk').textContent = data; });
    socket.addEventListener('close', ({ code, reason }) => {
      stop(opened ? `Closed with ${code}${reason && `: ${reason}`}.` : 'Refused.');
      if (code === SESSION_ENDED || !opened) watch.look();
    });
  };
  const stop = (words) => {
    socket = null;
    // What has the keyboard's focus is about to go.
    if (byId('say').contains(document.activeElement)) byId('connect').focus({ preventScroll: true });
    byId('say').hidden = true;
    byId('connect').textContent = 'Connect';
    byId('talk').textContent = words;
  };
  byId('connect').addEventListener('click', () => (socket ? socket.close(1000) : start()));
  byId('say').addEventListener('submit', (event) => {
    event.preventDefault();
    if (socket?.readyState !== WebSocket.OPEN || !byId('message').value) return;
    socket.send(byId('message').value);
    byId('message').value = '';
  });
}
