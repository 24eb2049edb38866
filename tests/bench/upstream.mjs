// The cheapest upstream there is.
export default { fetch: () => new Response("ok") };
