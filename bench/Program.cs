using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Benchmarks;

internal static class Program
{
    private const int QuickKeys = 100_000;

    private static async Task<int> Main(string[] arguments)
    {
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        if (arguments is [ClientLoad.CommandName, .. var words])
            return ClientLoad.Run(words, System.Console.In, System.Console.Out);
        var names = new Argument<string[]>("rows") { Description = "Only these rows.", DefaultValueFactory = _ => [] };
        names.AcceptOnlyFromAmong([.. Rows.All(QuickKeys).Select(row => row.Name)]);
        var list = new Option<bool>("--list") { Description = "Lists the rows and exits." };
        var pairs = new Option<int>("--pairs") { Description = "Rounds; in each every contestant runs once.", DefaultValueFactory = _ => 5 };
        var keys = new Option<int>("--keys") { Description = "Keys of the large clusters.", DefaultValueFactory = _ => 1_000_000 };
        var quick = new Option<bool>("--quick") { Description = "One round with 100,000 keys: whether it works, not how fast." };
        var only = new Option<string?>("--only") { Description = "Only one party." };
        only.AcceptOnlyFromAmong("ours", "theirs");
        var report = new Option<FileInfo?>("--report") { Description = "Write the document here, such as docs/benchmarks.md." };
        var root = new RootCommand("Ours, and the servers' own tools, in turn on the same clusters.") { names, list, pairs, keys, quick, only, report };
        root.SetAction((parsed, cancellation) =>
        {
            var isQuick = parsed.GetValue(quick);
            var wanted = parsed.GetValue(names)!;
            var all = Rows.All(isQuick ? QuickKeys : parsed.GetValue(keys));
            Row[] rows = [.. all.Where(row => wanted.Length == 0 || wanted.Contains(row.Name))];
            if (parsed.GetValue(list))
            {
                Screen.List(rows);
                return Task.FromResult(0);
            }

            var command = "dotnet run -c Release --project bench -- " + string.Join(' ', arguments);
            return RunAsync(rows, isQuick ? 1 : parsed.GetValue(pairs), parsed.GetValue(only), parsed.GetValue(report), command, cancellation);
        });
        return await root.Parse(arguments).InvokeAsync();
    }

    private static async Task<int> RunAsync(Row[] rows, int pairs, string? only, FileInfo? report, string command, CancellationToken cancellation)
    {
        var results = new List<RowResult>();
        await using (var lab = new SharedBed())
        {
            foreach (var row in rows)
            {
                Screen.Note(row.Name + ": " + row.Work);
                results.Add(await RunAsync(row, pairs * row.RoundFactor, only, lab, cancellation));
                Screen.Write(results[^1]);
            }
        }

        if (report is not null)
        {
            using var document = new StreamWriter(report.FullName) { NewLine = "\n" };
            Report.Write(document, results, command);
        }

        return results.All(result => result.Failure is null) ? 0 : 1;
    }

    private static async Task<RowResult> RunAsync(Row row, int rounds, string? only, SharedBed lab, CancellationToken cancellation)
    {
        if ((row.Hindrance ?? (row.Scene is null ? null : Servers.Missing(row.Scene.Server))) is { } hindrance)
            return new RowResult(row, []) { Failure = hindrance };
        Contestant[] contestants = [.. row.Contestants.Where(contestant => only is null || contestant.Side == Side.Ours == (only == "ours"))];
        Bed? bed;
        try
        {
            bed = row.Scene is null ? null : await lab.WithAsync(row.Scene, cancellation);
        }
        catch (Exception failure) when (failure is LabException or RedisOperationException)
        {
            return new RowResult(row, []) { Failure = "the cluster could not be made: " + failure.Message };
        }

        return await Rounds.RunAsync(row, contestants, rounds, bed, Screen.Note, cancellation);
    }
}
