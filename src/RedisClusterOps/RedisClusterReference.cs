using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>A cluster as a parameter takes it: a session, or a text that names one.</summary>
/// <remarks>
/// The text is read when the cmdlet runs, not while its parameters are bound: an error then carries its own id, not the binder's.
/// </remarks>
public sealed class RedisClusterReference
{
    private RedisClusterSession? _session;
    private readonly IReadOnlyList<string> _texts;

    /// <summary>Names a cluster by its session.</summary>
    /// <param name="session">What <c>Connect-RedisCluster</c> returned.</param>
    public RedisClusterReference(RedisClusterSession session)
    {
        _session = session ?? throw new ArgumentNullException(nameof(session));
        _texts = [];
    }

    /// <summary>Names a cluster by a text.</summary>
    /// <param name="text"><c>host:port[,host:port…]</c>, a <c>redis://</c> or <c>rediss://</c> URL, or a StackExchange.Redis connection string.</param>
    public RedisClusterReference(string text)
        : this([text])
    {
    }

    internal RedisClusterReference(IReadOnlyList<string> texts) => _texts = texts;

    /// <summary>The seeds of a session. A text is not repeated, for a password may be in it.</summary>
    public override string ToString() => _texts.Count == 0 ? _session?.ToString() ?? "cluster" : "cluster";

    /// <summary>The session; the same one each time, so that all records of a pipeline are one run.</summary>
    /// <exception cref="RedisOperationException">InvalidConnectionString.</exception>
    internal RedisClusterSession Resolve() => _session ??= RedisClusterSession.Parse(_texts);
}

/// <summary>
/// Lets a parameter of type <see cref="RedisClusterReference"/> take a session, a text, several texts (an unquoted <c>a:1,b:2</c> is a
/// list to PowerShell), or a session that came back from a job as a mere copy (its addresses, without its credential).
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class RedisClusterReferenceAttribute : ArgumentTransformationAttribute
{
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) => Unwrap(inputData) switch
    {
        null => null!,
        RedisClusterReference reference => reference,
        RedisClusterSession session => new RedisClusterReference(session),
        string text => new RedisClusterReference(text),
        IEnumerable several => new RedisClusterReference(Texts(several)),
        _ => new RedisClusterReference(Text(inputData)),
    };

    private static object? Unwrap(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;

    private static List<string> Texts(IEnumerable several)
    {
        var texts = new List<string>();
        foreach (var item in several)
            texts.Add(Text(item));
        return texts;
    }

    private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? string.Empty;
}
