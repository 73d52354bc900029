using System;
using System.Linq;

namespace RedisClusterOps.Protocol;

/// <summary>What the name of a connection says about the run that opened it: CLIENT LIST shows it to every other run.</summary>
/// <param name="Process">The machine and the process, as in <see cref="NodeConnector.ConnectionName"/>.</param>
/// <param name="Id">The id of the run. Ids sort by time.</param>
/// <param name="IsMoving">False while the run only announces itself; true once it has found no other run.</param>
internal sealed record RunName(string Process, string Id, bool IsMoving)
{
    /// <summary>Separates the process from the run.</summary>
    public const string Mark = "-run-";

    private const string Moving = "-moving";

    public override string ToString() => Process + Mark + Id + (IsMoving ? Moving : string.Empty);

    /// <summary>Reads the name of a connection; null if it is not that of a run.</summary>
    public static RunName? TryParse(string name)
    {
        // The machine's name may contain the mark, too.
        var mark = name.LastIndexOf(Mark, StringComparison.Ordinal);
        if (mark <= 0 || !(NodeConnector.IsNameOfOtherRun(name) || NodeConnector.IsOwnName(name)))
            return null;
        var id = name.Substring(mark + Mark.Length);
        var isMoving = id.EndsWith(Moving, StringComparison.Ordinal);
        if (isMoving)
            id = id.Substring(0, id.Length - Moving.Length);
        return id.Length is > 0 and <= 64 && id.All(c => c is '-' or (>= '0' and <= '9') or (>= 'a' and <= 'z') or (>= 'A' and <= 'Z'))
            ? new RunName(name.Substring(0, mark), id, isMoving)
            : null;
    }
}
