using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Lab;
using RedisClusterOps.Console.Output;
using RedisClusterOps.Protocol;
using Spectre.Console;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco lab up</c>: a cluster that stays until <c>rco lab down</c>.</summary>
internal static class LabUpCommand
{
    public static Command Create(Screen screen)
    {
        var json = JsonOption.Create();
        var command = new Command("up", "Start 4 masters on this machine, the fourth without slots, and leave them running.") { json };
        command.SetAction(RunAsync);
        return command;

        async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
        {
            if (RunningLab.Find() is { } running)
                throw new UsageException("A lab is already running (" + running.Server + ", " + running.Nodes[0].Endpoint() + ").", "rco lab down");
            var server = await LabServer.FindAsync(screen, stop);
            screen.Note("starting 4 masters of " + server.Name);
            await using var cluster = await LocalCluster.StartAsync(new LocalClusterOptions { Server = server, Detached = true }, stop);
            var seeds = cluster.Nodes.Select(node => node.Endpoint);
            using var redis = new RedisCluster(new RedisClusterSession(seeds, new ConnectionOptions()));
            var nodes = await redis.GetNodesAsync(stop);
            if (parsed.GetValue(json))
                screen.JsonEach(nodes);
            else
                Write(screen, nodes, cluster.Nodes[0].Endpoint);
            return ExitStatus.Done;
        }
    }

    private static void Write(Screen screen, IReadOnlyList<RedisClusterNode> nodes, NodeEndpoint first)
    {
        NodeTable.Write(screen.Out, nodes);
        foreach (var line in new[]
        {
            string.Empty,
            "next, in a shell (rco uses the running lab where --cluster is left out):",
            "  rco lab wedge                        leave slot 5519 stuck half-way, as in the runbook",
            "  rco check                            see what is wrong, and what to run",
            "  rco complete --slot 5519 --what-if   see what completing it would do",
            "  rco complete --slot 5519             complete it",
            "  rco lab down                         end the lab",
            string.Empty,
            "next, in PowerShell:",
            "  Connect-RedisCluster " + first,
            "  Test-RedisCluster",
            "  Get-RedisOpenSlot | Complete-RedisSlotMigration -WhatIf",
        })
            screen.Out.WriteLine(line);
        RcoItself.Explain(screen);
    }
}
