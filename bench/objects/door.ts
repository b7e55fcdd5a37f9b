export interface BareEnv {
  ROOM: DurableObjectNamespace;
}

/** `/rooms/<name>/ws` ends in the object of that name; everything else says that the server is up. */
export const door: ExportedHandler<BareEnv> = {
  fetch(request, env) {
    const name = /^\/rooms\/([^/]+)\/ws$/.exec(new URL(request.url).pathname)?.[1];
    if (name === undefined) return new Response('ok');
    return env.ROOM.get(env.ROOM.idFromName(name)).fetch(request);
  },
};
