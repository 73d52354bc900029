using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Journal;

/// <summary>Reads the file of one run.</summary>
internal static class RunFile
{
    public const string Extension = ".jsonl";

    private const string IdTime = "yyyyMMdd'T'HHmmss'Z'";

    public static bool IsId(string text) => text.Length == 23 && text[16] == '-'
        && text.Skip(17).All(c => c is (>= '0' and <= '9') or (>= 'a' and <= 'f')) && TimeOf(text) is not null;

    /// <param name="running">The runs that hold a lock, listed after the file was found: if a run ends later, its file contains the end
    /// when it is read.</param>
    /// <returns>Null if the file is gone, or empty because its writer was killed before the run began.</returns>
    public static RedisMigration? Read(string path, ICollection<string> running) =>
        LinesOf(path, out _) is { } lines ? Read(path, lines, running) : null;

    internal static RedisMigration? Read(string path, IEnumerable<JournalLine?> lines, ICollection<string> running)
    {
        var id = Path.GetFileNameWithoutExtension(path);
        var run = Collect(lines);
        return run.IsEmpty ? null : run.Build(path, id, TimeOf(id)!.Value, running.Contains(id));
    }

    /// <param name="isReadable">False if the file can't be opened, such as another user's. The summary then contains only the id.</param>
    /// <returns>Null if the file is gone or empty.</returns>
    public static RunSummary? Summarize(FileInfo file, out bool isReadable)
    {
        isReadable = false;
        if (!file.Exists)
            return null;
        // Taken before reading: a write in between makes the summary outdated.
        var (length, written, id) = (file.Length, file.LastWriteTimeUtc, Path.GetFileNameWithoutExtension(file.Name));
        if (LinesOf(file.FullName, out isReadable) is not { } lines)
            return null;
        var run = Collect(lines);
        return run.IsEmpty ? null : run.Summarize(id, TimeOf(id)!.Value, length, written);
    }

    private static RunBuilder Collect(IEnumerable<JournalLine?> lines)
    {
        var run = new RunBuilder();
        foreach (var line in lines)
            run.Add(line);
        return run;
    }

    // A file that can't be read counts as damaged, so that it is listed and the others are, too. A missing file was pruned by another run.
    private static IEnumerable<JournalLine?>? LinesOf(string path, out bool isReadable)
    {
        isReadable = false;
        try
        {
            var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            isReadable = true;
            return LineReader.Read(file);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure))
        {
            return [null];
        }
    }

    private static DateTime? TimeOf(string id)
    {
        const DateTimeStyles Styles = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        return DateTime.TryParseExact(id.Substring(0, 16), IdTime, CultureInfo.InvariantCulture, Styles, out var time) ? time : null;
    }
}
