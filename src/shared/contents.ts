import { Contents, ServerConnection } from '@jupyterlab/services';

/** Tell whether there is a file or folder at a path. Any other failure than its absence is thrown. */
export async function isThere(
  path: string,
  contents: Contents.IManager
): Promise<boolean> {
  try {
    await contents.get(path, { content: false });
    return true;
  } catch (reason) {
    if (
      reason instanceof ServerConnection.ResponseError &&
      reason.response.status === 404
    ) {
      return false;
    }
    throw reason;
  }
}
