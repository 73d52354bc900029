using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;

namespace RedisClusterOps.Benchmarks;

/// <summary>Writes docs/benchmarks.md.</summary>
internal static class Report
{
    public static bool HasPicture(RowResult result) => result is { Row.HasCurve: true, Failure: null, Rounds.Count: > 0 };

    /// <summary>The picture of a row's curve, relative to the document.</summary>
    public static string PictureOf(Row row) => "images/" + row.Name + ".svg";

    public static void Write(TextWriter to, IReadOnlyList<RowResult> results, string command)
    {
        to.WriteLine("# Benchmarks");
        to.WriteLine();
        to.WriteLine("Written by `" + command + "`; `--list` lists the rows. This page is generated.");
        to.WriteLine();
        foreach (var line in Machine.Describe(results.Select(result => result.Server?.Split(", ")[0]).OfType<string>().Distinct()))
            to.WriteLine("- " + line);
        to.WriteLine();
        to.WriteLine("Method: real servers run on this machine's loopback. Before every run, each server restarts from the same files.");
        to.WriteLine("The contestants of a row run in turn, round after round, every other round in the opposite order.");
        to.WriteLine("A run counts only if no key is missing afterwards, every slot has the expected owner,");
        to.WriteLine("and the server's `--cluster check` passes.");
        to.WriteLine("Numbers are medians, with the lowest and highest in brackets.");
        to.WriteLine("Ratios are computed within a round, so that they do not depend on the load of the machine.");
        to.WriteLine("*Ours* includes everything that the cmdlets do: reading all nodes, preflight checks, plan, journal,");
        to.WriteLine("and verification.");
        to.WriteLine("The *bare script* sends the same commands in pipelined batches, without any checks.");
        to.WriteLine("*The server's own* are the bare commands of server-side migration. Both show what is possible, not what is safe.");
        to.WriteLine();
        to.WriteLine("| row | requirement | result |");
        to.WriteLine("|---|---|---|");
        foreach (var result in results)
        {
            foreach (var (requirement, measured) in Cells.Requirements(result))
                to.WriteLine("| " + result.Row.Name + " | " + requirement.Text + " | " + Cells.Verdict(requirement, measured) + " |");
        }

        foreach (var result in results)
            Write(to, result);
    }

    private static void Write(TextWriter to, RowResult result)
    {
        to.WriteLine();
        to.WriteLine("## " + result.Row.Name);
        to.WriteLine();
        var work = char.ToUpperInvariant(result.Row.Work[0]) + result.Row.Work[1..];
        to.WriteLine(work + (result.Server is { } server ? " on " + server : string.Empty) + "; rounds: " + result.Rounds.Count + ".");
        if (result.Failure is { } failure)
            to.WriteLine("**Aborted**: " + failure);
        if (result.Rounds.Count == 0)
            return;
        to.WriteLine();
        var header = Cells.Header(result);
        to.WriteLine("| " + string.Join(" | ", header) + " |");
        to.WriteLine("|" + string.Concat(Enumerable.Repeat("---|", header.Count)));
        foreach (var line in Cells.Lines(result))
            to.WriteLine("| " + string.Join(" | ", line) + " |");
        if (!HasPicture(result))
            return;
        to.WriteLine();
        to.WriteLine("![Latency of clients against the speed of the move](" + PictureOf(result.Row) + ")");
    }
}

/// <summary>A row's result as text, for the screen and the document.</summary>
internal static class Cells
{
    public static IReadOnlyList<string> Header(RowResult result) =>
        [
            "contestant",
            .. result.Metrics.Select(metric => Metrics.NameOf(metric) + ", " + Metrics.UnitOf(metric)),
            "speed over " + result.Row.Contestants[0].Name,
        ];

    public static IEnumerable<IReadOnlyList<string>> Lines(RowResult result) =>
        from contestant in result.Row.Contestants
        where result.Values(Metric.Seconds, contestant.Name).Count > 0
        select (IReadOnlyList<string>)
        [
            contestant.Name,
            .. result.Metrics.Select(metric => Spread(result.Values(metric, contestant.Name), value => Metrics.Text(metric, value))),
            Spread(result.Ratios(Metric.Seconds, result.Row.Contestants[0].Name, contestant.Name), value => Metrics.Text(value) + "×"),
        ];

    /// <summary>Each requirement with its measured value; null if it was not measured.</summary>
    public static IEnumerable<(Requirement Requirement, double? Measured)> Requirements(RowResult result) =>
        result.Row.Requirements.Select(requirement => (requirement, result.Failure is null ? requirement.Measured(result) : null));

    public static string Verdict(Requirement requirement, double? measured) => measured switch
    {
        null => "not measured",
        { } value => (requirement.IsMet(value) ? "met" : "**missed**") + ": " + Metrics.Text(value) + requirement.Unit,
    };

    private static string Spread(IReadOnlyList<double> values, System.Func<double, string> text)
    {
        if (values.Count == 0)
            return "–";
        double[] sorted = [.. values.Order()];
        var median = (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
        return sorted.Length == 1 ? text(median) : text(median) + " (" + text(sorted[0]) + "–" + text(sorted[^1]) + ")";
    }
}

/// <summary>Describes the machine.</summary>
internal static class Machine
{
    public static IReadOnlyList<string> Describe(IEnumerable<string> servers) =>
    [
        "Processor: " + Text($"{Environment.ProcessorCount} cores, {Processor ?? RuntimeInformation.ProcessArchitecture.ToString()}"),
        "Memory: " + Text($"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024 * 1024):0} GiB"),
        "System: " + RuntimeInformation.OSDescription + ", " + RuntimeInformation.FrameworkDescription,
        "Servers: " + string.Join(", ", servers),
        "Date: " + DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
    ];

    private static string? Processor => File.Exists("/proc/cpuinfo")
        ? File.ReadLines("/proc/cpuinfo")
            .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim()
        : null;

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
