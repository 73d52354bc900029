using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;
using Spectre.Console;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco open-slots</c>: Get-RedisOpenSlot.</summary>
internal static class OpenSlotsCommand
{
    public static Command Create(Screen screen)
    {
        var cluster = new ClusterOptions();
        var slot = SlotOption.Create("Only these slots.");
        var statePath = new Option<string?>("--state-path") { Description = "The file of a watcher (alerts --state-path): since when at least, and how fast it got on.", HelpName = "file" };
        var json = JsonOption.Create();
        var command = new Command("open-slots", "List slots that are open, disputed or without an owner. Exit status 0 none, 1 some, 2 no cluster.") { slot, statePath, json };
        cluster.AddTo(command);
        command.SetAction(RunAsync);
        return command;

        async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
        {
            var session = await cluster.ReadAsync(parsed, screen, stop);
            using var log = new OperationLog();
            using var reader = new RedisCluster(session, log);
            var asked = parsed.GetValue(slot) is { Length: > 0 } some ? some : null;
            var open = WatchOptions.FileOf(parsed, statePath) is { } path
                ? await reader.GetOpenSlotsAsync(asked, path, stop)
                : await reader.GetOpenSlotsAsync(asked, stop);
            screen.Warnings(log);
            if (parsed.GetValue(json))
                screen.JsonEach(open);
            else if (open.Count == 0)
                screen.Out.WriteLine(asked is null ? "no open slot" : "none of the slots asked for is open");
            else
                OpenSlotTable.Write(screen, open, parsed);
            return open.Count == 0 ? ExitStatus.Done : ExitStatus.Findings;
        }
    }
}
