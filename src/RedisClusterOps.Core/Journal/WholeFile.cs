using System;
using System.Globalization;
using System.IO;

namespace RedisClusterOps.Journal;

/// <summary>
/// A file that is written whole or not at all: what was there before stays until the new one is complete and on the disk.
/// </summary>
internal static class WholeFile
{
    /// <param name="write">Writes what is to be in it.</param>
    /// <param name="isPrivate">For its owner alone, where the system knows of owners.</param>
    /// <param name="keepAs">Where to keep what is there now; null to let it go.</param>
    /// <param name="keepsOld">A file that is there already is an error, not replaced.</param>
    /// <exception cref="IOException">Or another of <see cref="JournalFolder.IsOfFiles"/>; nothing unfinished is left then.</exception>
    public static void Write(string path, Action<Stream> write, bool isPrivate, string? keepAs = null, bool keepsOld = false)
    {
        var unfinished = path + "." + Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture) + ".tmp";
        try
        {
            using (var file = new FileStream(unfinished, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                if (isPrivate)
                    JournalFolder.OwnerOnly(unfinished);
                write(file);
                file.Flush(flushToDisk: true);
            }

            if (keepsOld || !File.Exists(path))
                File.Move(unfinished, path);
            else
                File.Replace(unfinished, path, keepAs);
        }
        catch (Exception failure) when (JournalFolder.IsOfFiles(failure))
        {
            Remove(unfinished);
            throw;
        }
    }

    /// <summary>All of it, up to a bound.</summary>
    /// <param name="tooLong">What to say of one that is longer.</param>
    /// <exception cref="FormatException">It is longer.</exception>
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

    private static void Remove(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception failure) when (JournalFolder.IsOfFiles(failure))
        {
            // The folder that could not be written to may be gone altogether.
        }
    }
}
