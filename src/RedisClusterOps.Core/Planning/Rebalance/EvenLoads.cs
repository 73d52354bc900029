using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>Evens out what the slots hold by the weights: moves whole slots from masters above their target to masters below it.</summary>
/// <remarks>
/// The next move depends only on what every master has at that moment. So a second plan on the result is empty. Every move lowers the sum
/// of the squared distances from the targets, so the search ends.
/// </remarks>
internal sealed class EvenLoads
{
    private readonly IReadOnlyList<MasterSlots> _masters;
    private readonly IReadOnlyList<NodeWeight> _weights;
    private readonly Func<int, long> _load;
    private readonly decimal _threshold;
    private readonly IReadOnlyList<long> _targets;

    /// <summary>How much each master is above its target; negative if below.</summary>
    private readonly long[] _surplus;

    /// <summary>The slots of each master by load, then by number.</summary>
    private readonly List<(long Load, int Slot)>[] _slots;
    private readonly int[] _origin = new int[HashSlot.Count];

    private EvenLoads(IReadOnlyList<MasterSlots> masters, IReadOnlyList<NodeWeight> weights, Func<int, long> load, decimal threshold)
    {
        (_masters, _weights, _load, _threshold) = (masters, weights, load, threshold);
        _slots = [.. masters.Select(master => master.Slots.Select(slot => (load(slot), slot)).ToList())];
        var loads = _slots.Select(slots => slots.Sum(one => one.Load)).ToList();
        _targets = new Apportionment(loads.Sum(), weights.Select(weight => weight.Scaled).ToList()).Parts(Comparer<int>.Default);
        _surplus = [.. loads.Select((sum, index) => sum - _targets[index])];
        for (var index = 0; index < masters.Count; index++)
        {
            _slots[index].Sort();
            foreach (var slot in masters[index].Slots)
                _origin[slot] = index;
        }
    }

    /// <param name="masters">All masters, by id.</param>
    /// <param name="weights">Their weights, in the same order.</param>
    /// <param name="load">The load of a slot, 0 or more.</param>
    /// <param name="threshold">Percent of a master's target.</param>
    public static IReadOnlyList<SlotTransfer> Plan(
        IReadOnlyList<MasterSlots> masters, IReadOnlyList<NodeWeight> weights, Func<int, long> load, decimal threshold)
    {
        var even = new EvenLoads(masters, weights, load, threshold);
        even.Drain();
        if (even.IsAnyOver(threshold))
            even.Level();
        return even.Transfers();
    }

    // A master of weight 0 keeps no slot, not even an empty one. Its filled slots move, the biggest first, to where the deficit is largest.
    private void Drain()
    {
        for (var source = 0; source < _masters.Count; source++)
        {
            if (_weights[source].Value > 0)
                continue;
            while (_slots[source].Count > 0 && _slots[source][_slots[source].Count - 1].Load > 0)
                Move(source, _slots[source].Count - 1, Neediest());
            DealEmpty(source);
        }
    }

    // Empty slots go to the masters with the fewest slots for their weight. Neighbours stay together, so that slot maps stay short.
    private void DealEmpty(int source)
    {
        var shares = new int[_masters.Count];
        foreach (var _ in _slots[source])
        {
            var receivers = Enumerable.Range(0, shares.Length).Where(index => _weights[index].Value > 0);
            shares[receivers.Aggregate((best, next) => Fullness(next) < Fullness(best) ? next : best)]++;
        }

        for (var target = 0; target < shares.Length; target++)
        {
            for (; shares[target] > 0; shares[target]--)
                Move(source, 0, target);
        }

        decimal Fullness(int index) => (_slots[index].Count + shares[index]) / _weights[index].Value;
    }

    // Half the threshold is close enough: below it, many small slots would move for little. At the threshold, the next key would exceed it.
    private void Level()
    {
        while (IsAnyOver(_threshold / 2) && (StepWithin() || StepBeyond()))
        {
        }
    }

    // Moves the biggest slot that takes neither end across its target: the most effective single move.
    private bool StepWithin()
    {
        var receiver = Neediest();
        foreach (var giver in Givers())
        {
            var most = Math.Min(_surplus[giver], -_surplus[receiver]);
            var at = Below(giver, most);
            if (most <= 0 || at < 0 || _slots[giver][at].Load == 0)
                continue;
            Move(giver, First(giver, at), receiver);
            return true;
        }

        return false;
    }

    // A slot that is too big for that still helps if both ends are closer to each other afterwards.
    private bool StepBeyond()
    {
        var receiver = Neediest();
        foreach (var giver in Givers())
        {
            var apart = _surplus[giver] - _surplus[receiver];
            // The slot whose load is closest to half of the difference.
            var (low, high) = (Below(giver, apart / 2), Below(giver, apart / 2) + 1);
            var isLow = low >= 0 && _slots[giver][low].Load > 0
                && (high >= _slots[giver].Count || apart - _slots[giver][low].Load <= _slots[giver][high].Load);
            var at = isLow ? low : high;
            if (at >= _slots[giver].Count || _slots[giver][at].Load >= apart)
                continue;
            Move(giver, First(giver, at), receiver);
            return true;
        }

        return false;
    }

    private int Neediest()
    {
        var neediest = -1;
        for (var index = 0; index < _surplus.Length; index++)
        {
            if (_weights[index].Value > 0 && (neediest < 0 || _surplus[index] < _surplus[neediest]))
                neediest = index;
        }

        return neediest;
    }

    // The masters above their target, the largest surplus first. The first is nearly always taken, so the others are sorted only on demand.
    private IEnumerable<int> Givers()
    {
        var first = 0;
        for (var index = 1; index < _surplus.Length; index++)
        {
            if (_surplus[index] > _surplus[first])
                first = index;
        }

        if (_surplus[first] <= 0)
            yield break;
        yield return first;
        var others = Enumerable.Range(0, _surplus.Length).Where(index => index != first && _surplus[index] > 0);
        foreach (var index in others.OrderByDescending(index => _surplus[index]).ThenBy(index => index))
            yield return index;
    }

    private bool IsAnyOver(decimal percent)
    {
        for (var index = 0; index < _surplus.Length; index++)
        {
            if (_weights[index].Value > 0 && 100m * Math.Abs(_surplus[index]) > percent * _targets[index])
                return true;
        }

        return false;
    }

    /// <summary>The index of a master's biggest slot of at most this load; -1 if there is none.</summary>
    private int Below(int master, long most)
    {
        var at = _slots[master].BinarySearch((most, int.MaxValue));
        return (at < 0 ? ~at : at) - 1;
    }

    /// <summary>The index of the lowest slot with the same load.</summary>
    private int First(int master, int at) => ~_slots[master].BinarySearch((_slots[master][at].Load, -1));

    private void Move(int source, int at, int target)
    {
        var moved = _slots[source][at];
        _slots[source].RemoveAt(at);
        _slots[target].Insert(~_slots[target].BinarySearch(moved), moved);
        _surplus[source] -= moved.Load;
        _surplus[target] += moved.Load;
    }

    // A slot that moved back and forth during the search does not move at all.
    private List<SlotTransfer> Transfers() => Enumerable.Range(0, _masters.Count)
        .SelectMany(target => _slots[target].Select(one => (one.Slot, Source: _origin[one.Slot], Target: target)))
        .Where(one => one.Source != one.Target)
        .GroupBy(one => (one.Source, one.Target))
        .OrderByDescending(pair => pair.Sum(one => _load(one.Slot))).ThenBy(pair => pair.Key)
        .Select(pair => Transfer(pair.Key.Source, pair.Key.Target, pair.Select(one => one.Slot)))
        .ToList();

    private SlotTransfer Transfer(int source, int target, IEnumerable<int> slots) =>
        new(_masters[source].Node, _masters[target].Node, SlotSet.From(slots));
}
