using System;
using System.Collections.Generic;
using System.IO;

namespace RedisClusterOps.Journal;

/// <summary>Reads the lines of a run's file, with limits on their length and number.</summary>
internal static class LineReader
{
    public const int LongestLine = 1 << 20;
    public const long LongestFile = 1L << 28;

    /// <param name="source">Closed at the end.</param>
    /// <returns>
    /// Null for a line that can't be read. Text without a line break at the end is no line: its writer was killed, or is still writing.
    /// </returns>
    public static IEnumerable<JournalLine?> Read(Stream source)
    {
        using var file = source;
        var chunk = new byte[1 << 16];
        var line = new byte[1024];
        var length = 0;
        var tooLong = false;
        var total = 0L;
        int read;
        while ((read = file.Read(chunk, 0, chunk.Length)) > 0)
        {
            for (var at = 0; at < read;)
            {
                var end = Array.IndexOf(chunk, (byte)'\n', at, read - at);
                var piece = (end < 0 ? read : end) - at;
                tooLong |= length + piece > LongestLine;
                if (!tooLong)
                {
                    if (line.Length < length + piece)
                        Array.Resize(ref line, Math.Max(length + piece, line.Length * 2));
                    Buffer.BlockCopy(chunk, at, line, length, piece);
                    length += piece;
                }

                at += piece + 1;
                if (end < 0)
                    continue;
                // The writer ends a partly written line with a line break, so an empty line may follow.
                if (tooLong)
                    yield return null;
                else if (length > 0)
                    yield return JournalLine.TryRead(line, length);
                length = 0;
                tooLong = false;
            }

            total += read;
            if (total >= LongestFile)
            {
                yield return null;
                yield break;
            }
        }

        if (tooLong)
            yield return null;
    }
}
