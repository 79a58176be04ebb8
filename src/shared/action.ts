import { useState } from 'react';

import { Problem } from '../api';

/** Work that a button starts: whether it goes on, and why it failed the last time. */
export function useAction(): {
  busy: boolean;
  problem: Problem | null;
  /** Answers whether it succeeded. */
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
