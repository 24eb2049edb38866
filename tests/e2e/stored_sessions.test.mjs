// What is stored outlives a release: tables of the one before are read on, and a record that nobody can read ends
// its own session alone.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";

import { startProviders } from "../provider/host.mjs";
import { Browser } from "./support/browser.mjs";
import { logIn, whoIs } from "./support/login.mjs";
import { until } from "./support/until.mjs";
import { BareWorkerd } from "./support/workerd.mjs";

const host = await startProviders();
const issuer = host.issuer("main");
const workerd = new BareWorkerd({ providers: { main: issuer }, session: { max_per_subject: 3 } });
after(() => Promise.all([workerd.close(), host.close()]));

async function signedIn() {
  const browser = new Browser(workerd);
  assert.equal((await logIn(browser)).status, 200);
  return browser;
}

/** The databases of the subjects there are, in `folder`. */
function databasesIn(folder) {
  const subjects = join(folder, "objects", "subjects");
  const files = readdirSync(subjects).filter((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite");
  return files.map((name) => join(subjects, name));
}

/** The database of the one subject there is. */
function databaseIn(folder, options = {}) {
  const [file, ...others] = databasesIn(folder);
  assert.ok(file);
  assert.deepEqual(others, []);
  return new DatabaseSync(file, options);
}

/** Stops Postern, does something to the table of sessions, and starts it again. */
async function between(change) {
  await workerd.kill();
  const database = databaseIn(workerd.folder);
  change(database);
  database.close();
  await workerd.start();
}

const aSecond = () => new Promise((over) => setTimeout(over, 1100));
const alive = (browsers) => Promise.all(browsers.map(async (browser) => (await whoIs(browser)) !== undefined));
const column = (database) => database.prepare("SELECT name FROM pragma_table_info('session')").all().map(({ name }) => name);

test("sessions that the release before stored live on, and are older than those since", async () => {
  //
  await workerd.start();
  // The release before knows of seconds only.
  const old = [await signedIn()];
  await aSecond();
  old.push(await signedIn());
  await aSecond();
  await between((database) => {
    assert.ok(column(database).includes("sequence"));
    database.exec("ALTER TABLE session DROP COLUMN sequence");
  });
  assert.deepEqual(await alive(old), [true, true]);
  const fresh = [await signedIn(), await signedIn()];
  assert.deepEqual(await alive([...old, ...fresh]), [false, true, true, true]);
  // And back: the release before knows no such column, and writes rows without it.
  await between((database) => database.exec("UPDATE session SET sequence = NULL"));
  assert.deepEqual(await alive([...old, ...fresh]), [false, true, true, true]);
  const newest = await signedIn();
  assert.deepEqual(await alive([old[1], newest]), [false, true]);
  for (const browser of [...fresh, newest]) await browser.fetch("/auth/logout", { method: "POST" });
});

test("a record that cannot be read ends its session, has its token revoked, and harms no other", async () => {
  //
  const [broken, sound] = [await signedIn(), await signedIn()];
  await until(() => issuer.aliveRefreshTokens.length === 2, "the refresh tokens of earlier sessions are revoked");
  await between((database) => {
    const { digest } = database.prepare("SELECT digest FROM session ORDER BY sequence LIMIT 1").get();
    assert.equal(database.prepare("UPDATE session SET record = '{' WHERE digest = ?").run(digest).changes, 1);
  });
  const answer = await sound.fetch("/auth/sessions");
  assert.equal(answer.status, 200, answer.body);
  assert.equal(JSON.parse(answer.body).sessions.length, 1);
  assert.match(workerd.output, /"event":"session_record_unreadable"/);
  assert.deepEqual(await alive([broken, sound]), [false, true]);
  await until(() => issuer.aliveRefreshTokens.length === 1, "its refresh token is revoked");
});

test("storage cleans itself, without anybody asking for it", async () => {
  //
  const brief = new BareWorkerd({ providers: { main: issuer }, session: { idle: "3s" } });
  await brief.start();
  try {
    assert.equal((await logIn(new Browser(brief))).status, 200);
    const rows = () => {
      // What is given back has no file for a moment.
      if (databasesIn(brief.folder).length === 0) return 0;
      const database = databaseIn(brief.folder, { readOnly: true });
      // An object that has no rows left has no tables either.
      const made = database.prepare("SELECT name FROM sqlite_master WHERE name = 'session'").get();
      const { count } = made ? database.prepare("SELECT count(*) AS count FROM session").get() : { count: 0 };
      database.close();
      return count;
    };
    assert.equal(rows(), 1);
    const alive = issuer.aliveRefreshTokens.length;
    // While the object gives its storage back, nobody else reads it.
    const seen = () => {
      try {
        return rows();
      } catch (error) {
        if (!/locked|malformed|not a database|unable to open/.test(error.message)) throw error;
        return undefined;
      }
    };
    await until(() => seen() === 0, "the alarm deletes the row");
    await until(() => issuer.aliveRefreshTokens.length < alive, "and its refresh token is revoked");
  } finally {
    await brief.close();
  }
});
