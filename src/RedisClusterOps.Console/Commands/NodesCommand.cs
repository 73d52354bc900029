using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;
using Spectre.Console;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco nodes</c>: Get-RedisClusterNode.</summary>
internal static class NodesCommand
{
    public static Command Create(Screen screen)
    {
        var cluster = new ClusterOptions();
        var node = new Option<string[]>("--node")
        {
            Description = "Only these: an id, an id prefix or host:port; * and ? may stand for anything.",
            HelpName = "node",
            AllowMultipleArgumentsPerToken = true,
        };
        var role = new Option<RedisNodeRole?>("--role")
        {
            Description = "Only masters or only replicas.",
            HelpName = "Master|Replica",
            CustomParser = result => ParameterParsers.NameOf<RedisNodeRole>("--role")(result),
        };
        var json = JsonOption.Create();
        var command = new Command("nodes", "List the nodes with their slots, load and replication.") { node, role, json };
        cluster.AddTo(command);
        command.SetAction(RunAsync);
        return command;

        async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
        {
            var session = await cluster.ReadAsync(parsed, screen, stop);
            using var reader = new RedisCluster(session);
            var all = await reader.GetNodesAsync(stop);
            var nodes = Choose(all, parsed.GetValue(node) ?? [], parsed.GetValue(role));
            if (parsed.GetValue(json))
                screen.JsonEach(nodes);
            else if (nodes.Count == 0)
                screen.Out.WriteLine("no such node");
            else
                NodeTable.Write(screen.Out, nodes);
            return ExitStatus.Done;
        }
    }

    private static List<RedisClusterNode> Choose(IReadOnlyList<RedisClusterNode> all, string[] names, RedisNodeRole? role)
    {
        var named = names.Length == 0 ? all : names.SelectMany(name => RedisCluster.FindNodes(all, name)).Distinct();
        return [.. named.Where(node => role is null || node.Role == role)];
    }
}
