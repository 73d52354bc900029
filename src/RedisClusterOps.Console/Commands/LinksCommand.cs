using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco links</c>: Measure-RedisClusterLink.</summary>
internal static class LinksCommand
{
    public static Command Create(Screen screen)
    {
        var cluster = new ClusterOptions();
        var count = new Option<int>("--count")
        {
            Description = "Round trips to each node (default: 20).",
            HelpName = "number",
            CustomParser = ParameterParsers.WholeNumber("--count", 1, 100_000),
            DefaultValueFactory = _ => 20,
        };
        var node = new Option<string[]>("--node")
        {
            Description = "Only links to and between these: an id, an id prefix or host:port; * and ? may stand for anything.",
            HelpName = "node",
            AllowMultipleArgumentsPerToken = true,
        };
        var json = JsonOption.Create();
        var command = new Command("links", "Measure round trips to the nodes, and list the links between them. Exit status 0 all up, 1 some down or lost, 2 no cluster.") { count, node, json };
        cluster.AddTo(command);
        command.SetAction(RunAsync);
        return command;

        async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
        {
            var session = await cluster.ReadAsync(parsed, screen, stop);
            using var reader = new RedisCluster(session);
            var links = await reader.MeasureLinksAsync(parsed.GetValue(count), parsed.GetValue(node) is { Length: > 0 } some ? some : null, stop);
            if (parsed.GetValue(json))
                screen.JsonEach(links);
            else
                LinkTable.Write(screen.Out, links);
            return links.All(link => link.State == LinkState.Connected && link.Loss is null or 0) ? ExitStatus.Done : ExitStatus.Findings;
        }
    }
}
