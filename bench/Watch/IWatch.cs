using System;
using System.Collections.Generic;

namespace RedisClusterOps.Benchmarks;

/// <summary>Looks at a cluster while somebody works on it. It is at work when it has been made.</summary>
internal interface IWatch : IDisposable
{
    /// <summary>What counts from here on.</summary>
    void Begin();

    /// <summary>What was seen since <see cref="Begin"/>.</summary>
    /// <exception cref="InvalidOperationException">A client would have been told something wrong.</exception>
    IReadOnlyDictionary<Metric, double> End();
}
