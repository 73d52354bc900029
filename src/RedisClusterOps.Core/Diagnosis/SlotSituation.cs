using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Diagnosis;

/// <summary>All that is known about one slot: the views of the nodes, and who holds how many of its keys.</summary>
/// <param name="View">The cluster.</param>
/// <param name="Slot">0 to 16383.</param>
/// <param name="Keys">Keys of the slot by id of the master that holds them; null where it would not tell. Masters that did not answer are missing.</param>
internal sealed record SlotSituation(ClusterView View, int Slot, IReadOnlyDictionary<string, long?> Keys)
{
    public IReadOnlyList<OpenFlag> Flags { get; } = View.FlagsOf(Slot).ToList();

    public long? KeysOn(ClusterNode? node) => node is not null && Keys.TryGetValue(node.Id, out var keys) ? keys : null;

    /// <summary>Masters that hold at least one key of the slot.</summary>
    public IEnumerable<ClusterNode> Holders => View.Masters.Where(node => KeysOn(node) > 0);
}
