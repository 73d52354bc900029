using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;
using Spectre.Console;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco migrations</c>: Get-RedisMigration.</summary>
internal static class MigrationsCommand
{
    public static Command Create(Screen screen)
    {
        var cluster = new ClusterOptions();
        var id = new Option<string[]>("--id") { Description = "Only these runs: an id, or the beginning of one.", HelpName = "id", AllowMultipleArgumentsPerToken = true };
        var running = new Option<bool>("--running") { Description = "Only those that are at work now." };
        var journalPath = JournalOption.Create();
        var json = JsonOption.Create();
        var command = new Command("migrations", "List what ran, from the journal: how far it came, and whether it can be gone on with. Needs no cluster; one that is named only filters.")
        {
            id, running, journalPath, json,
        };
        cluster.AddTo(command);
        command.SetAction(RunAsync);
        return command;

        async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
        {
            var session = cluster.IsNamed(parsed) ? await cluster.ReadAsync(parsed, screen, stop) : null;
            var nodes = session is null ? null : await NodesOfAsync(session, stop);
            var folder = JournalOption.Read(parsed, journalPath);
            var ids = parsed.GetValue(id) is { Length: > 0 } some ? some : [null!];
            var runs = ids.SelectMany(one => RedisCluster.GetMigrations(folder, one))
                .Where(run => (!parsed.GetValue(running) || run.IsRunning) && (nodes is null || run.NodeIds.Any(nodes.Contains)))
                .Select(run => run with { Cluster = session }).ToList();
            if (parsed.GetValue(json))
                screen.JsonEach(runs);
            else if (runs.Count == 0)
                screen.Out.WriteLine("no such run");
            else
                MigrationTable.Write(screen, runs, showsSlots: ids[0] is not null, parsed);
            return ExitStatus.Done;
        }
    }

    private static async Task<HashSet<string>> NodesOfAsync(RedisClusterSession session, CancellationToken stop)
    {
        using var reader = new RedisCluster(session);
        return [.. (await reader.GetNodesAsync(stop)).Select(node => node.Id)];
    }
}
