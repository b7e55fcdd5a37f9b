export interface BareEnv {
  ROOM: DurableObjectNamespace;
  BUCKET: R2Bucket;
}

/** `/rooms/<name>/ws` ends in the object of that name; what is PUT to `/files/` goes into R2; everything else says that the server is up. */
export const door: ExportedHandler<BareEnv> = {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (request.method === 'PUT' && pathname.startsWith('/files/')) {
      await env.BUCKET.put(pathname, request.body);
      return new Response(null, { status: 201 });
    }
    const name = /^\/rooms\/([^/]+)\/ws$/.exec(pathname)?.[1];
    if (name === undefined) return new Response('ok');
    return env.ROOM.get(env.ROOM.idFromName(name)).fetch(request);
  },
};
