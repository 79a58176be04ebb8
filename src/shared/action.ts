import { useState } from 'react';

import { Problem } from '../api';

/** Return the state of work that a button starts: `busy` while it goes on, and the problem of its last failure. */
export function useAction(): {
  busy: boolean;
  problem: Problem | null;
  /** Do the work; resolve to true when it succeeded. */
  act: (work: () => Promise<unknown>) => Promise<boolean>;
} {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const act = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(null);
    try {
      await work();
      return true;
    } catch (reason) {
      setProblem(Problem.from(reason));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, act };
}
