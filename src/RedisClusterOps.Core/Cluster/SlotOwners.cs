using System.Collections.Generic;

namespace RedisClusterOps.Cluster;

/// <summary>Who owns which slot in the view of one node.</summary>
/// <remarks>There is one of these for each node and each look, so it holds only what the lines say: their ranges, in order, to be searched by halves.</remarks>
internal sealed class SlotOwners
{
    private readonly List<(SlotRange Range, string Id)> _inOrder = [];

    /// <summary>The same as they were said, where a node names two owners of one slot: the later line counts.</summary>
    private readonly List<(SlotRange Range, string Id)>? _asSaid;

    public SlotOwners(IReadOnlyList<NodeLine> lines)
    {
        foreach (var line in lines)
        {
            foreach (var range in line.Slots.Ranges)
                _inOrder.Add((range, line.Id));
        }

        var said = _inOrder.ToArray();
        _inOrder.Sort((a, b) => a.Range.CompareTo(b.Range));
        for (var i = 1; i < _inOrder.Count; i++)
        {
            if (_inOrder[i].Range.First <= _inOrder[i - 1].Range.Last)
                _asSaid = [.. said];
        }
    }

    /// <summary>Id of the owner; null where there is none.</summary>
    public string? OwnerOf(int slot)
    {
        if (_asSaid is not null)
            return _asSaid.FindLast(claim => claim.Range.First <= slot && slot <= claim.Range.Last).Id;
        var (low, high) = (0, _inOrder.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var (range, id) = _inOrder[middle];
            if (slot < range.First)
                high = middle - 1;
            else if (slot > range.Last)
                low = middle + 1;
            else
                return id;
        }

        return null;
    }
}
