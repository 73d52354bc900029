using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using Spectre.Console;

namespace RedisClusterOps.Benchmarks;

internal static class Program
{
    private const int QuickKeys = 100_000;

    private static async Task<int> Main(string[] arguments)
    {
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        if (arguments is [ClientLoad.CommandName, .. var words])
            return ClientLoad.Run(words, Console.In, Console.Out);
        var names = new Argument<string[]>("rows") { Description = "Run only these rows.", DefaultValueFactory = _ => [] };
        names.AcceptOnlyFromAmong([.. Rows.All(QuickKeys).Select(row => row.Name)]);
        var list = new Option<bool>("--list") { Description = "List the rows." };
        var pairs = new Option<int>("--pairs")
        {
            Description = "Number of rounds. In a round, every contestant runs once.",
            DefaultValueFactory = _ => 5,
        };
        var keys = new Option<int>("--keys")
        {
            Description = "Number of keys in the large clusters.",
            DefaultValueFactory = _ => 1_000_000,
        };
        var quick = new Option<bool>("--quick") { Description = "Run one round with 100,000 keys, to check that it works." };
        var only = new Option<string?>("--only") { Description = "Run only our contestants, or only the others." };
        only.AcceptOnlyFromAmong("ours", "theirs");
        var report = new Option<FileInfo?>("--report") { Description = "Write the report to this file, such as docs/benchmarks.md." };
        var root = new RootCommand("Runs this module and the servers' own tools in turn on the same clusters.")
        {
            names, list, pairs, keys, quick, only, report,
        };
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
            var rounds = isQuick ? 1 : parsed.GetValue(pairs);
            return RunAsync(rows, rounds, parsed.GetValue(only), parsed.GetValue(report), command, cancellation);
        });
        return await root.Parse(arguments).InvokeAsync();
    }

    private static async Task<int> RunAsync(
        Row[] rows, int rounds, string? only, FileInfo? report, string command, CancellationToken cancellation)
    {
        var results = new List<RowResult>();
        await using (var clusters = new SharedCluster())
        {
            foreach (var row in rows)
            {
                Screen.Note(row.Name + ": " + row.Work);
                results.Add(await RunAsync(row, rounds * row.RoundFactor, only, clusters, cancellation));
                Screen.Write(results[^1]);
            }
        }

        if (report is not null)
        {
            var previous = report.Exists ? await File.ReadAllTextAsync(report.FullName, cancellation) : null;
            using var document = new StreamWriter(report.FullName) { NewLine = "\n" };
            Report.Write(document, results, command, previous);
            foreach (var result in results.Where(Report.HasPicture))
            {
                var picture = Path.Combine(report.DirectoryName!, Report.PictureOf(result.Row));
                System.IO.Directory.CreateDirectory(Path.GetDirectoryName(picture)!);
                await File.WriteAllTextAsync(picture, Curve.Svg(result), cancellation);
            }
        }

        return results.All(result => result.Failure is null) ? 0 : 1;
    }

    private static async Task<RowResult> RunAsync(
        Row row, int rounds, string? only, SharedCluster clusters, CancellationToken cancellation)
    {
        if ((row.SkipReason ?? (row.Scenario is null ? null : Servers.Missing(row.Scenario.Server))) is { } skipReason)
            return new RowResult(row, []) { Failure = skipReason };
        Contestant[] contestants =
            [.. row.Contestants.Where(contestant => only is null || contestant.Side == Side.Ours == (only == "ours"))];
        BenchCluster? cluster;
        try
        {
            cluster = row.Scenario is null ? null : await clusters.GetAsync(row.Scenario, cancellation);
        }
        catch (Exception failure) when (failure is LabException or RedisOperationException)
        {
            return new RowResult(row, []) { Failure = "the cluster could not be created: " + failure.Message };
        }

        return await Rounds.RunAsync(row, contestants, rounds, cluster, Screen.Note, cancellation);
    }
}

/// <summary>The console output during a run.</summary>
internal static class Screen
{
    public static void Note(string text) =>
        Console.WriteLine(DateTime.UtcNow.ToString("HH:mm:ss ", CultureInfo.InvariantCulture) + text);

    public static void List(IEnumerable<Row> rows)
    {
        foreach (var row in rows)
        {
            var server = row.Scenario is { } scenario ? " (" + scenario.Server + ")" : string.Empty;
            Console.WriteLine(row.Name.PadRight(22) + row.Work + server);
        }
    }

    public static void Write(RowResult result)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var name in Cells.Header(result))
            table.AddColumn(Markup.Escape(name));
        foreach (var line in Cells.Lines(result))
            table.AddRow([.. line.Select(Markup.Escape)]);
        // A redirected table is not wrapped.
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = 250;
        AnsiConsole.Write(table);
        foreach (var (requirement, measured) in Cells.Requirements(result))
        {
            var verdict = Cells.Verdict(requirement, measured).Replace("*", string.Empty, StringComparison.Ordinal);
            Console.WriteLine("  " + requirement.Text + " - " + verdict);
        }

        if (result.Failure is { } failure)
            Console.WriteLine("  aborted: " + failure);
    }
}
