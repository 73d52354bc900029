using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace RedisClusterOps.Benchmarks;

/// <summary>docs/benchmarks.md.</summary>
internal static class Report
{
    public static void Write(TextWriter to, IReadOnlyList<RowResult> results, string command)
    {
        to.WriteLine("# Benchmarks");
        to.WriteLine();
        to.WriteLine("Written by `" + command + "`; `--list` tells its rows. Nothing here was typed in by hand.");
        to.WriteLine();
        foreach (var line in Machine.Describe(results.Select(result => result.Server?.Split(", ")[0]).OfType<string>().Distinct()))
            to.WriteLine("- " + line);
        to.WriteLine();
        to.WriteLine("How it is measured: real servers on this machine's loopback. Before every run each server is started anew from the same files; then one");
        to.WriteLine("contestant works, and the next, round after round, every other round in the opposite order. A run counts only if afterwards no key is missing,");
        to.WriteLine("the slots are where they should be and the server's own `--cluster check` agrees. Numbers are medians, with the lowest and highest in brackets;");
        to.WriteLine("ratios are taken within a round, so that they do not depend on how busy the machine was. Ours includes everything its cmdlets do: reading");
        to.WriteLine("all nodes, preflight, plan, journal and proof. The *bare script* is the same commands pipelined by somebody who checks nothing, and *the");
        to.WriteLine("server's own* are the bare commands of server-side migration: what is reachable, not what is safe.");
        to.WriteLine();
        to.WriteLine("| row | demand | result |");
        to.WriteLine("|---|---|---|");
        foreach (var result in results)
        {
            foreach (var (demand, measured) in Cells.Demands(result))
                to.WriteLine("| " + result.Row.Name + " | " + demand.Text + " | " + Cells.Verdict(demand, measured) + " |");
        }

        foreach (var result in results)
            Write(to, result);
    }

    private static void Write(TextWriter to, RowResult result)
    {
        to.WriteLine();
        to.WriteLine("## " + result.Row.Name);
        to.WriteLine();
        to.WriteLine(char.ToUpperInvariant(result.Row.Work[0]) + result.Row.Work[1..] + (result.Server is { } server ? " on " + server : string.Empty) + "; rounds: " + result.Rounds.Count + ".");
        if (result.Failure is { } failure)
            to.WriteLine("**Broken off**: " + failure);
        if (result.Rounds.Count == 0)
            return;
        to.WriteLine();
        var header = Cells.Header(result);
        to.WriteLine("| " + string.Join(" | ", header) + " |");
        to.WriteLine("|" + string.Concat(Enumerable.Repeat("---|", header.Count)));
        foreach (var line in Cells.Lines(result))
            to.WriteLine("| " + string.Join(" | ", line) + " |");
    }
}
