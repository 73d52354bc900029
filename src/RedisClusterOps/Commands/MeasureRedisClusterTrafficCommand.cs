using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>Measures what each node does per second: commands, bytes, clients, redirects and cluster errors.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "RedisClusterTraffic")]
[OutputType(typeof(RedisClusterTraffic))]
public sealed class MeasureRedisClusterTrafficCommand : ClusterOnlyCmdlet
{
    /// <summary>Measures only these nodes: id, id prefix, <c>host:port</c> or port; wildcards are allowed.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(Completion.NodeCompleter))]
    public string[]? Node { get; set; }

    /// <summary>Specifies the time between two readings. The default is 1 s.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Specifies the number of intervals. The default is 1.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int Count { get; set; } = 1;

    // Piped nodes are measured together, those of one cluster in the same intervals.
    private readonly List<(RedisClusterSession Session, List<string>? Nodes)> _asked = [];

    internal override void Run()
    {
        var session = GetSession();
        var same = _asked.Find(asked => ReferenceEquals(asked.Session, session));
        if (same.Session is null)
            _asked.Add((session, Node?.ToList()));
        else if (Node is not null)
            same.Nodes?.AddRange(Node);
    }

    internal override void Finish()
    {
        foreach (var (session, nodes) in _asked)
        {
            var cluster = Open(session);
            for (var i = 0; i < Count; i++)
                WriteObject(Await(cluster.MeasureTrafficAsync(Interval, nodes, Stop), "Measuring the traffic"), enumerateCollection: true);
        }
    }
}
