// Ends the runtime when the server that started it is gone, however it died. Its standard input is a pipe from the
// server: each line is the id of the runtime process to watch over (0: none). The pipe closes with the server.
import { createInterface } from 'node:readline';

let runtime = 0;
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  runtime = Number(line);
});
lines.on('close', () => {
  if (runtime > 0) {
    try {
      process.kill(runtime, 'SIGKILL');
    } catch {
      // Already gone.
    }
  }
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
