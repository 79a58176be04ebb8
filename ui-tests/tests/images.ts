import { spawnSync } from 'child_process';

/**
 * Return the reference of an image for tests, by the recipes in tests/docker.py. Return null when no Docker
 * daemon answers; CI has one.
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

/** Let a tag mean another image, as the push of another person does. */
export function tag(image: string, alias: string): void {
  const { status, stderr } = spawnSync('docker', ['tag', image, alias]);
  if (status !== 0) {
    throw new Error(String(stderr));
  }
}

export const NO_DOCKER =
  'No Docker daemon answers: scripts/docker installs and starts one.';
