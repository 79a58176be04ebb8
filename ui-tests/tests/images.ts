import { spawnSync } from 'child_process';

/**
 * The reference of an image for tests, of the recipes in tests/docker.py; null where no Docker
 * daemon answers. CI has one.
 */
export function imageForTests(name: string): string | null {
  const { status, stdout, stderr } = spawnSync(
    'python',
    ['docker_image.py', name],
    { encoding: 'utf-8' }
  );
  if (status === 0) {
    return stdout.trim();
  }
  if (status === 3 && !process.env.CI) {
    return null;
  }
  throw new Error(stderr);
}

/** Let a tag mean an image, as a push of somebody else does. */
export function tag(image: string, as: string): void {
  const { status, stderr } = spawnSync('docker', ['tag', image, as]);
  if (status !== 0) {
    throw new Error(String(stderr));
  }
}

export const NO_DOCKER =
  'No Docker daemon answers: scripts/docker installs and starts one.';
