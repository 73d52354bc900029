using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Membership;

/// <summary>
/// A change of members or roles, as a person asked for it. It holds no steps: the plan derives them from what the nodes report now, so the
/// same request can be run again after any end.
/// </summary>
/// <param name="Session">The cluster.</param>
internal abstract record MembershipRequest(RedisClusterSession Session)
{
    /// <summary>Addresses whose nodes may not belong to the cluster. They are read, too.</summary>
    public virtual IReadOnlyList<NodeEndpoint> Candidates => [];

    /// <summary>Plans the steps that are left.</summary>
    /// <exception cref="RedisOperationException">The change is refused.</exception>
    public abstract MembershipPlan Plan(MembershipSituation situation);

    /// <summary>Reads what the plan depends on.</summary>
    public virtual async Task<MembershipSituation> ReadAsync(ClusterReader reader, CancellationToken cancellation)
    {
        var candidates = await reader.ReadEachAsync(Candidates, cancellation).ConfigureAwait(false);
        var view = await ReadClusterAsync(reader, cancellation).ConfigureAwait(false);
        return new MembershipSituation(view, candidates.Select(each => new Candidate(each.Dialled, each.View, each.Failure)).ToList());
    }

    /// <summary>Reads the cluster while the change is carried out.</summary>
    public virtual Task<ClusterView> ReadClusterAsync(ClusterReader reader, CancellationToken cancellation) =>
        reader.ReadAsync(null, cancellation);
}

/// <summary>What a plan depends on.</summary>
/// <param name="View">The cluster.</param>
/// <param name="Candidates">The nodes at the requested addresses, in their order.</param>
internal sealed record MembershipSituation(ClusterView View, IReadOnlyList<Candidate> Candidates)
{
    /// <summary>The node of the request, if an earlier run removed it and no node lists it any more; otherwise null.</summary>
    public RemovedNode? Removed { get; init; }
}

/// <summary>A node that an earlier run removed.</summary>
/// <param name="Id">The id by which it was forgotten.</param>
/// <param name="Address">Its address before; null if it had none.</param>
internal sealed record RemovedNode(string Id, NodeEndpoint? Address);

/// <summary>The node at a requested address.</summary>
/// <param name="Endpoint">The address.</param>
/// <param name="View">Its own view; null if it could not be read.</param>
/// <param name="Failure">Why it could not be read; null if it was.</param>
internal sealed record Candidate(NodeEndpoint Endpoint, NodeView? View, RedisOperationException? Failure);
