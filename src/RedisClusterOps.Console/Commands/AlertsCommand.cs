using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;
using Spectre.Console;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco alerts</c>: Get-RedisClusterAlert.</summary>
internal static class AlertsCommand
{
    public static Command Create(Screen screen)
    {
        var cluster = new ClusterOptions();
        var stuckAfter = WatchOptions.StuckAfter();
        var statePath = new Option<string?>("--state-path") { Description = "File to remember by from one run to the next; made when it is not there.", HelpName = "file" };
        var journalPath = JournalOption.Create();
        var json = JsonOption.Create();
        var command = new Command("alerts", "List what has to be looked at now, and since when; for cron. Exit status 0 nothing, 1 something, 2 no cluster.") { stuckAfter, statePath, journalPath, json };
        cluster.AddTo(command);
        command.SetAction(RunAsync);
        return command;

        async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
        {
            var session = await cluster.ReadAsync(parsed, screen, stop);
            using var log = new OperationLog();
            using var reader = new RedisCluster(session, log);
            var options = new AlertOptions
            {
                StuckAfter = parsed.GetValue(stuckAfter),
                StatePath = WatchOptions.FileOf(parsed, statePath),
                JournalPath = JournalOption.Read(parsed, journalPath),
            };
            var (alerts, failure) = await reader.GetAlertsAsync(options, stop);
            screen.Warnings(log);
            if (parsed.GetValue(json))
                screen.JsonEach(alerts);
            else if (alerts.Count == 0)
                screen.Out.WriteLine("no alert");
            else
                AlertList.Write(screen, alerts, parsed);
            if (failure is not null)
                screen.Failure(failure.Code.ToString(), failure.Message, failure.NextStep, parsed);
            return alerts.Count == 0 && failure is null ? ExitStatus.Done : ExitStatus.Findings;
        }
    }
}
