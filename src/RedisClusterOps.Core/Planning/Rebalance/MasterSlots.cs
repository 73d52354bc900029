using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>A master and the slots it owns, lowest first.</summary>
internal sealed record MasterSlots(ClusterNode Node, IReadOnlyList<int> Slots)
{
    /// <summary>Of every master, by id. A node that is still being introduced is none yet.</summary>
    public static IReadOnlyList<MasterSlots> Of(ClusterView view)
    {
        var owned = new Dictionary<string, List<int>>(StringComparer.Ordinal);
        // Neighbours mostly belong to one master, so it is seldom looked up.
        var (last, slots) = ((string?)null, new List<int>());
        for (var slot = 0; slot < HashSlot.Count; slot++)
        {
            if (view.OwnerOf(slot) is not { } owner)
                continue;
            if (!ReferenceEquals(owner, last) && !owned.TryGetValue(owner, out slots!))
                owned[owner] = slots = [];
            last = owner;
            slots.Add(slot);
        }

        return view.Nodes
            .Where(node => owned.ContainsKey(node.Id) || (node.IsMaster && node.State != RedisNodeState.Handshake))
            .OrderBy(node => node.Id, StringComparer.Ordinal)
            .Select(node => new MasterSlots(node, owned.TryGetValue(node.Id, out var its) ? its : []))
            .ToList();
    }
}

/// <summary>Slots that go from one master to another.</summary>
internal sealed record SlotTransfer(ClusterNode Source, ClusterNode Target, SlotSet Slots);
