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

    public static bool IsId(string text) =>
        text.Length == 23 && text[16] == '-' && text.Skip(17).All(c => c is (>= '0' and <= '9') or (>= 'a' and <= 'f')) && TimeOf(text) is not null;

    /// <param name="atWork">The runs that hold a lock, listed after the file was found: a run that ends later has written so by the time the file is read.</param>
    /// <returns>Null if the file is gone, or empty because its writer died before the run began.</returns>
    public static RedisMigration? Read(string path, ICollection<string> atWork) => LinesOf(path, out _) is { } lines ? Read(path, lines, atWork) : null;

    internal static RedisMigration? Read(string path, IEnumerable<JournalLine?> lines, ICollection<string> atWork)
    {
        var id = Path.GetFileNameWithoutExtension(path);
        var run = Collect(lines);
        return run.IsEmpty ? null : run.Build(path, id, TimeOf(id)!.Value, atWork.Contains(id));
    }

    /// <param name="isReadable">False if the file can't be opened, such as another user's. Its summary then knows nothing but its id.</param>
    /// <returns>Null if the file is gone or empty.</returns>
    public static RunSummary? Summarize(FileInfo file, out bool isReadable)
    {
        isReadable = false;
        if (!file.Exists)
            return null;
        // Taken before reading: what is written meanwhile makes the summary outdated.
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

    // A file that can't be read counts as damaged: it is listed, and hides no other. One that is gone was pruned by another run.
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

    private static DateTime? TimeOf(string id) => DateTime.TryParseExact(
        id.Substring(0, 16), IdTime, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) ? time : null;
}
