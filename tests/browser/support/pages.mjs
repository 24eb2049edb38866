// The application behind Postern in the browser tests: pages that say where they are, and a form to sign out.

const page = (title, body) =>
  new Response(`<!doctype html><html lang="en"><title>${title}</title><link rel="icon" href="data:,"><h1>${title}</h1>${body}</html>`, {
    headers: { "content-type": "text/html; charset=utf-8" },
  });

export default {
  fetch(request) {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/api/echo") return Response.json({ method: request.method });
    return page("Application", `<p id="here"></p><form method="post" action="/auth/logout"><button>Sign out</button></form>`.replace("></p>", `>${pathname}${search.replace(/[^\w=?&-]/g, "")}</p>`));
  },
};
