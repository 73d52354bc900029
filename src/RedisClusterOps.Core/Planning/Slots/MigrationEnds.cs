using RedisClusterOps.Cluster;

namespace RedisClusterOps.Planning.Slots;

/// <summary>The two ends that a person agreed to. A failover may have put their successors there since; anything else is another migration.</summary>
internal sealed record MigrationEnds(string SourceId, string Source, string TargetId, string Target)
{
    public static MigrationEnds Of(ClusterNode source, ClusterNode target) => new(source.Id, source.Name, target.Id, target.Name);

    public MigrationEnds Reversed => new(TargetId, Target, SourceId, Source);

    /// <summary>True where these are the ends, or what became of them: of an end that is gone the other one is enough.</summary>
    public bool Fit(ClusterView view, ClusterNode? source, ClusterNode? target)
    {
        var sameSource = IsSource(view, source);
        var sameTarget = IsTarget(view, target);
        return (sameSource && sameTarget) || (sameSource && IsGone(view, TargetId)) || (sameTarget && IsGone(view, SourceId));
    }

    public bool IsSource(ClusterView view, ClusterNode? now) => IsOrSucceeds(view, SourceId, TargetId, now);

    public bool IsTarget(ClusterView view, ClusterNode? now) => IsOrSucceeds(view, TargetId, SourceId, now);

    // The node itself, or the present master of its shard. But a master that gave its last slot to the other end follows that one, and is not succeeded by it.
    private static bool IsOrSucceeds(ClusterView view, string id, string other, ClusterNode? now) =>
        now is not null && (now.Id == id || (now.Id != other && now.Id == view.ShardMaster(id)?.Id));

    public override string ToString() => "from " + Source + " to " + Target;

    private static bool IsGone(ClusterView view, string id) => view.Node(id) is not { IsReachableMaster: true };
}
