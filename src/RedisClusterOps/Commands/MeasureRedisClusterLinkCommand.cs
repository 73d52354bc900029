using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>How long round trips to each node take and how many fail, and what the nodes tell of the links between them.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "RedisClusterLink")]
[OutputType(typeof(RedisClusterLink))]
public sealed class MeasureRedisClusterLinkCommand : RedisClusterCmdlet
{
    /// <summary>Only links to and between these: id, id prefix or <c>host:port</c>, wildcards allowed.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    public string[]? Node { get; set; }

    /// <summary>Round trips to each node. 20 unless told.</summary>
    [Parameter]
    [ValidateRange(1, 100_000)]
    public int Count { get; set; } = 20;

    internal override void Run() => WriteObject(Await(Open().MeasureLinksAsync(Count, Node, Stop), "Measuring round trips"), enumerateCollection: true);
}
