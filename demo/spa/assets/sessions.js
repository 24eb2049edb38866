// Where the person is signed in, and the way to end it.

import * as postern from '/auth/postern.js';

import { byId, momentText, withText } from './view.js';

export function showSessions(watch) {
  let shownFor;
  const refresh = async () => {
    const list = await postern.sessions().catch(() => null);
    if (list) render(list, refresh);
  };
  watch.addEventListener('change', ({ detail: { session } }) => {
    const who = session && `${session.issuer} ${session.subject} ${session.session.created_at}`;
    if (who && who !== shownFor) refresh();
    shownFor = who;
  });
  byId('end-others').addEventListener('click', () => postern.endOtherSessions().then(refresh, refresh));
}

function render(list, refresh) {
  byId('session-list').replaceChildren(...list.map((session) => item(session, refresh)));
  byId('end-others').hidden = list.length < 2;
}

function item({ id, device, place, created_at: since, current }, refresh) {
  const element = document.createElement('li');
  const words = document.createElement('div');
  const where = [place, `since ${momentText(since)}`].filter(Boolean).join(' · ');
  words.append(withText('strong', device), ...(current ? [' ', withText('span', 'This browser', 'mark')] : []), withText('p', where, 'quiet'));
  element.append(words);
  if (!current) {
    const button = Object.assign(withText('button', 'End', 'button'), { type: 'button', ariaLabel: `End ${device}, ${where}` });
    button.addEventListener('click', () => postern.endSession(id).then(refresh, refresh));
    element.append(button);
  }
  return element;
}
