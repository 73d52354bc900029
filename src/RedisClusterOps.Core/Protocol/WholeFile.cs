using System;
using System.Globalization;
using System.IO;
using System.Runtime.InteropServices;

namespace RedisClusterOps.Protocol;

/// <summary>Writes a file completely or not at all: the previous content stays until the new one is complete and on the disk.</summary>
internal static class WholeFile
{
    /// <param name="path">The file.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="isPrivate">True to allow only the file's owner to read it. On Windows the folder decides.</param>
    /// <param name="keepAs">Where to keep the previous content; null to discard it.</param>
    /// <param name="keepsOld">True if an existing file is an error instead of being replaced.</param>
    /// <exception cref="IOException">Or another <see cref="IsFileError">file error</see>. No unfinished file is left behind.</exception>
    public static void Write(string path, Action<Stream> write, bool isPrivate, string? keepAs = null, bool keepsOld = false)
    {
        var unfinished = path + "." + Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture) + ".tmp";
        try
        {
            using (var file = new FileStream(unfinished, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                if (isPrivate)
                    RestrictToOwner(unfinished);
                write(file);
                file.Flush(flushToDisk: true);
            }

            if (keepsOld || !File.Exists(path))
                File.Move(unfinished, path);
            else
                File.Replace(unfinished, path, keepAs);
        }
        catch (Exception failure) when (IsFileError(failure))
        {
            Remove(unfinished);
            throw;
        }
    }

    /// <summary>Reads a whole file, up to a limit.</summary>
    /// <param name="path">The file.</param>
    /// <param name="longest">The limit in bytes.</param>
    /// <param name="tooLong">The message for a longer file.</param>
    /// <param name="share">What other processes may do with the file meanwhile.</param>
    /// <exception cref="FormatException">The file is longer.</exception>
    public static byte[] Read(string path, int longest, string tooLong, FileShare share)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, share);
        using var bytes = new MemoryStream();
        var chunk = new byte[1 << 16];
        for (int read; (read = file.Read(chunk, 0, chunk.Length)) > 0;)
        {
            bytes.Write(chunk, 0, read);
            if (bytes.Length > longest)
                throw new FormatException(tooLong);
        }

        return bytes.ToArray();
    }

    /// <summary>True for the errors that a file system causes. Any other exception is a fault of this program.</summary>
    public static bool IsFileError(Exception failure) =>
        failure is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException
            or System.Security.SecurityException;

    /// <summary>Allows only its owner to use a file. Call it while the file is empty: the folder may be open to others.</summary>
    public static void RestrictToOwner(string file) => SetMode(file, "600");

    /// <summary>Allows only its owner to use a folder.</summary>
    public static void RestrictFolderToOwner(string folder) => SetMode(folder, "700");

    // On Windows the user's own folder is private already.
    private static void SetMode(string path, string mode)
    {
        if (!RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
            _ = ChangeMode(path, Convert.ToInt32(mode, 8));
    }

    private static void Remove(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception failure) when (IsFileError(failure))
        {
            // The folder itself may no longer exist.
        }
    }

    [DllImport("libc", EntryPoint = "chmod", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ChangeMode(string path, int mode);
}
