using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>Measures round trips to each node, and gets the state of the links between nodes as the nodes report it.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "RedisClusterLink")]
[OutputType(typeof(RedisClusterLink))]
public sealed class MeasureRedisClusterLinkCommand : ClusterOnlyCmdlet
{
    /// <summary>Gets only links to and between these nodes: id, id prefix, <c>host:port</c> or port; wildcards are allowed.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(Completion.NodeCompleter))]
    public string[]? Node { get; set; }

    /// <summary>Specifies the number of round trips to each node. The default is 20.</summary>
    [Parameter]
    [ValidateRange(1, 100_000)]
    public int Count { get; set; } = 20;

    /// <summary>Gets every link between nodes. By default, links without trouble are one summary.</summary>
    [Parameter]
    public SwitchParameter All { get; set; }

    internal override void Run()
    {
        var links = Await(Open().MeasureLinksAsync(Count, Node, Stop), "Measuring round trips");
        WriteObject(All ? links : RedisClusterLink.Summarize(links), enumerateCollection: true);
    }
}
