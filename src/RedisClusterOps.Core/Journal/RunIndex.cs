using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Journal;

/// <summary>The summaries of the runs in one file. It is a cache: if it is missing or outdated, the files of the runs are read.</summary>
internal static class RunIndex
{
    public const string FileName = "runs.index";

    // The first line. The index of a version with other fields is ignored and replaced.
    private const string Header = "RedisClusterOps runs 1";
    private const int LongestFile = 1 << 26;

    public static Dictionary<string, RunSummary> Load(JournalFolder folder)
    {
        var summaries = new Dictionary<string, RunSummary>(StringComparer.Ordinal);
        try
        {
            var path = Path.Combine(folder.Path, FileName);
            if (!File.Exists(path))
                return summaries;
            var bytes = WholeFile.Read(path, LongestFile, "The index of the journal is too long.", FileShare.ReadWrite | FileShare.Delete);
            using var lines = new StringReader(Encoding.UTF8.GetString(bytes));
            if (lines.ReadLine() != Header)
                return summaries;
            while (lines.ReadLine() is { } line)
            {
                if (RunSummary.TryRead(line) is { } summary)
                    summaries[summary.Id] = summary;
            }
        }
        catch (Exception failure) when (failure is FormatException || WholeFile.IsFileError(failure))
        {
            // The files of the runs contain the same.
        }

        return summaries;
    }

    public static void Save(JournalFolder folder, IEnumerable<RunSummary> summaries)
    {
        var text = new StringBuilder(Header).Append('\n');
        foreach (var line in summaries.Select(summary => summary.ToLine()))
        {
            if (line is not null)
                text.Append(line).Append('\n');
        }

        try
        {
            var bytes = Encoding.UTF8.GetBytes(text.ToString());
            WholeFile.Write(Path.Combine(folder.Path, FileName), file => file.Write(bytes, 0, bytes.Length), isPrivate: true);
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure))
        {
            // The folder is read-only, or another process has just replaced the index.
        }
    }
}
