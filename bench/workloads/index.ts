import { w6 } from '../fanout/w6.ts';
import { crowd } from './crowd.ts';
import { files } from './files.ts';
import { nothingNew } from './nothing-new.ts';
import { search } from './search.ts';
import { signs } from './signs.ts';
import { storm } from './storm.ts';
import { w1 } from './w1.ts';
import { w2 } from './w2.ts';
import { w3 } from './w3.ts';
import { w4 } from './w4.ts';
import { w5 } from './w5.ts';
import { w7 } from './w7.ts';
import type { Workload } from './workload.ts';

/** Every workload by the name it is called with. */
export const WORKLOADS: Readonly<Record<string, Workload>> = {
  W1: w1,
  W2: w2,
  W3: w3,
  W4: w4,
  W5: w5,
  W6: w6,
  W7: w7,
  SYNC: nothingNew,
  SEARCH: search,
  SIGNS: signs,
  STORM: storm,
  FILES: files,
  CROWD: crowd,
};
