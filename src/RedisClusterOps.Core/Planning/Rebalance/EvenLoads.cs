using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>Makes what the slots hold fit the weights: whole slots move from masters with too much to masters with too little, as long as that evens it.</summary>
/// <remarks>
/// What the next move is depends only on what every master has at that moment, never on how it came there; so a second plan on the
/// result is empty. Every move lowers the sum of the squared distances, so there is an end.
/// </remarks>
internal sealed class EvenLoads
{
    private readonly IReadOnlyList<MasterSlots> _masters;
    private readonly IReadOnlyList<NodeWeight> _weights;
    private readonly Func<int, long> _load;
    private readonly decimal _threshold;
    private readonly IReadOnlyList<long> _targets;

    /// <summary>Of each master how much it is above its target; below where negative.</summary>
    private readonly long[] _surplus;

    /// <summary>Of each master its slots by load, then by number.</summary>
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
    /// <param name="weights">Theirs, in the same order.</param>
    /// <param name="load">What a slot holds, 0 or more.</param>
    /// <param name="threshold">Percent of a master's target.</param>
    public static IReadOnlyList<SlotTransfer> Plan(IReadOnlyList<MasterSlots> masters, IReadOnlyList<NodeWeight> weights, Func<int, long> load, decimal threshold)
    {
        var even = new EvenLoads(masters, weights, load, threshold);
        even.Drain();
        if (even.IsAnyOver(threshold))
            even.Level();
        return even.Transfers();
    }

    // A master of weight 0 keeps nothing, not even an empty slot. What holds something goes, the biggest first, to whoever lacks most.
    private void Drain()
    {
        for (var source = 0; source < _masters.Count; source++)
        {
            if (_weights[source].Said > 0)
                continue;
            while (_slots[source].Count > 0 && _slots[source][_slots[source].Count - 1].Load > 0)
                Move(source, _slots[source].Count - 1, Neediest());
            DealEmpty(source);
        }
    }

    // Empty slots go to whoever has the fewest for its weight; neighbours stay together, for a map in crumbs is a burden to every client.
    private void DealEmpty(int source)
    {
        var shares = new int[_masters.Count];
        foreach (var _ in _slots[source])
            shares[Enumerable.Range(0, shares.Length).Where(index => _weights[index].Said > 0).Aggregate((best, next) => Fullness(next) < Fullness(best) ? next : best)]++;
        for (var target = 0; target < shares.Length; target++)
        {
            for (; shares[target] > 0; shares[target]--)
                Move(source, 0, target);
        }

        decimal Fullness(int index) => (_slots[index].Count + shares[index]) / _weights[index].Said;
    }

    // Well within the threshold is enough: what comes after that are many small slots for little, and at its very edge the next key would be over it.
    private void Level()
    {
        while (IsAnyOver(_threshold / 2) && (StepWithin() || StepBeyond()))
        {
        }
    }

    // The biggest slot that leaves neither end on the other side of its target: what brings most for one move.
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

    // A slot that is too big for that still evens it where both ends are closer to each other afterwards.
    private bool StepBeyond()
    {
        var receiver = Neediest();
        foreach (var giver in Givers())
        {
            var apart = _surplus[giver] - _surplus[receiver];
            // The nearest to the half of what lies between them.
            var (low, high) = (Below(giver, apart / 2), Below(giver, apart / 2) + 1);
            var at = low >= 0 && _slots[giver][low].Load > 0 && (high >= _slots[giver].Count || apart - _slots[giver][low].Load <= _slots[giver][high].Load) ? low : high;
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
            if (_weights[index].Said > 0 && (neediest < 0 || _surplus[index] < _surplus[neediest]))
                neediest = index;
        }

        return neediest;
    }

    // Those with too much, the most first. Nearly always the first of them is taken, so the others are looked for only then.
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
        foreach (var index in Enumerable.Range(0, _surplus.Length).Where(index => index != first && _surplus[index] > 0).OrderByDescending(index => _surplus[index]).ThenBy(index => index))
            yield return index;
    }

    private bool IsAnyOver(decimal percent)
    {
        for (var index = 0; index < _surplus.Length; index++)
        {
            if (_weights[index].Said > 0 && 100m * Math.Abs(_surplus[index]) > percent * _targets[index])
                return true;
        }

        return false;
    }

    /// <summary>Where the biggest slot of at most this load is in a master's list; -1 where there is none.</summary>
    private int Below(int master, long most)
    {
        var at = _slots[master].BinarySearch((most, int.MaxValue));
        return (at < 0 ? ~at : at) - 1;
    }

    /// <summary>Of slots with the same load the one with the lowest number.</summary>
    private int First(int master, int at) => ~_slots[master].BinarySearch((_slots[master][at].Load, -1));

    private void Move(int source, int at, int target)
    {
        var moved = _slots[source][at];
        _slots[source].RemoveAt(at);
        _slots[target].Insert(~_slots[target].BinarySearch(moved), moved);
        _surplus[source] -= moved.Load;
        _surplus[target] += moved.Load;
    }

    // What went to and fro while this was thought out does not move at all.
    private List<SlotTransfer> Transfers() => Enumerable.Range(0, _masters.Count)
        .SelectMany(target => _slots[target].Select(one => (one.Slot, Source: _origin[one.Slot], Target: target)))
        .Where(one => one.Source != one.Target)
        .GroupBy(one => (one.Source, one.Target))
        .OrderByDescending(pair => pair.Sum(one => _load(one.Slot))).ThenBy(pair => pair.Key)
        .Select(pair => new SlotTransfer(_masters[pair.Key.Source].Node, _masters[pair.Key.Target].Node, SlotSet.From(pair.Select(one => one.Slot))))
        .ToList();
}
