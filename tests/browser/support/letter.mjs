// A form to write a letter, and what arrives of it.

const page = (body) => new Response(`<!doctype html><html lang="en"><title>Letter</title><link rel="icon" href="data:,"><h1>Letter</h1>${body}</html>`, {
  headers: { "content-type": "text/html; charset=utf-8" },
});

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

export default {
  async fetch(request) {
    if (request.method !== "POST") {
      return page(`<form method="post" enctype="multipart/form-data"><label>Text <textarea name="text"></textarea></label>
        <label>File <input type="file" name="file"></label><button>Send</button></form>`);
    }
    const form = await request.formData();
    const file = form.get("file");
    return page(`<pre>${escaped(JSON.stringify({ text: form.get("text"), name: file?.name, size: file?.size }))}</pre>`);
  },
};
