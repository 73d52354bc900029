using System.CommandLine;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;
using RedisClusterOps.Pictures;
using Spectre.Console;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco report</c>: Export-RedisClusterReport.</summary>
internal static class ReportCommand
{
    public static Command Create(Screen screen)
    {
        var cluster = new ClusterOptions();
        var path = new Option<string>("--path") { Description = "The file to write; what was there before is replaced.", HelpName = "file", Required = true };
        var noClobber = new Option<bool>("--no-clobber") { Description = "Do not replace a file that is there already." };
        var deep = new Option<bool>("--deep") { Description = "Also look for keys on nodes that do not own their slot." };
        var minimumReplica = new Option<int>("--minimum-replica")
        {
            Description = "Replicas that every master with slots must have.",
            HelpName = "number",
            CustomParser = ParameterParsers.WholeNumber("--minimum-replica", 0, 1000),
            DefaultValueFactory = _ => 0,
        };
        var stuckAfter = WatchOptions.StuckAfter();
        var statePath = new Option<string?>("--state-path") { Description = "The file of a watcher (rco alerts --state-path), which knows since when; it is only read.", HelpName = "file" };
        var journalPath = JournalOption.Create();
        var json = JsonOption.Create();
        var command = new Command("report", "Write one HTML page that needs nothing else: alerts, findings, slot map, open slots, nodes, and what ran on the cluster.")
        {
            path, noClobber, deep, minimumReplica, stuckAfter, statePath, journalPath, json,
        };
        cluster.AddTo(command);
        command.SetAction(RunAsync);
        return command;

        async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
        {
            if (string.IsNullOrWhiteSpace(parsed.GetValue(path)))
                throw new UsageException("--path is empty.");
            var file = Path.GetFullPath(parsed.GetValue(path)!);
            ReportFile.RequireFree(file, parsed.GetValue(noClobber));
            var session = await cluster.ReadAsync(parsed, screen, stop);
            using var log = new OperationLog();
            using var reader = new RedisCluster(session, log);
            var options = new HealthOptions { Deep = parsed.GetValue(deep), MinimumReplica = parsed.GetValue(minimumReplica) };
            var watch = new AlertOptions
            {
                StuckAfter = parsed.GetValue(stuckAfter),
                StatePath = WatchOptions.FileOf(parsed, statePath),
                JournalPath = JournalOption.Read(parsed, journalPath),
            };
            var report = await reader.GetReportAsync(options, watch, stop);
            screen.Warnings(log);
            ReportFile.Write(file, report, parsed.GetValue(noClobber));
            if (parsed.GetValue(json))
                screen.Json(new { FullName = file, new FileInfo(file).Length });
            else
                screen.Out.WriteLine(file);
            return ExitStatus.Done;
        }
    }
}
