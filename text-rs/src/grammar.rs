//! Constrained decoding on llguidance: which tokens may come next in an answer that keeps to a grammar.

use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::{Matcher, ParserFactory};
use toktrie::{ApproximateTokEnv, InferenceCapabilities, TokRxInfo, TokTrie};

use crate::error::{Failure, Kind};
use crate::memory::keep_reserve;

/// A model's tokens, made ready once for all its grammars.
pub struct Vocabulary {
    factory: ParserFactory,
}

/// One answer's state.
pub struct Grammar {
    matcher: Matcher,
}

fn bad(error: impl std::fmt::Display) -> Failure {
    // Only the first line is for people; the rest is a dump of the parser.
    let text = error.to_string();
    Failure::new(Kind::Syntax, text.lines().next().unwrap_or("this is no grammar"))
}

impl Vocabulary {
    /// `words`: the bytes of each token, control tokens with a byte 0xFF before them. `ends`: tokens that end an answer.
    pub fn new(words: Vec<Vec<u8>>, ends: &[u32]) -> Result<Vocabulary, Failure> {
        keep_reserve()?;
        let size = u32::try_from(words.len()).map_err(bad)?;
        let first = *ends.first().ok_or_else(|| Failure::new(Kind::Argument, "the vocabulary has no end token"))?;
        let info = TokRxInfo::new(size, first);
        let trie = TokTrie::from(&info, &words).with_eos_tokens(ends);
        let env: toktrie::TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let slices = llguidance::earley::SlicedBiasComputer::general_slices();
        let mut factory = ParserFactory::new(&env, InferenceCapabilities::default(), &slices).map_err(bad)?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        Ok(Vocabulary { factory })
    }

    /// `kind`: "json_schema", "json_object", "lark" or "regex".
    pub fn grammar(&self, kind: &str, text: &str) -> Result<Grammar, Failure> {
        keep_reserve()?;
        let top = TopLevelGrammar::from_tagged_str(kind, text).map_err(bad)?;
        let matcher = Matcher::new(self.factory.create_parser(top));
        match matcher.get_error() {
            Some(message) => Err(bad(message)),
            None => Ok(Grammar { matcher }),
        }
    }
}

impl Grammar {
    /// Writes the tokens that may come next, a bit each.
    pub fn mask(&mut self, words: &mut [u32]) -> Result<(), Failure> {
        keep_reserve()?;
        let allowed = self.matcher.compute_mask_or_eos().map_err(bad)?;
        let bits = allowed.as_slice();
        let count = bits.len().min(words.len());
        words[..count].copy_from_slice(&bits[..count]);
        words[count..].fill(0);
        Ok(())
    }

    /// Takes a token where it may come next; false: it may not, and nothing has changed.
    pub fn take(&mut self, token: u32) -> Result<bool, Failure> {
        keep_reserve()?;
        if self.matcher.is_stopped() {
            let env = self.matcher.tok_env().map_err(bad)?;
            return Ok(env.tok_trie().eos_tokens().contains(&token)); // behind the end
        }
        Ok(self.matcher.try_consume_tokens(&[token]).map_err(bad)? == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters() -> Vocabulary {
        let mut words: Vec<Vec<u8>> = (0..=255u8).map(|byte| vec![byte]).collect();
        words.push(b"\xFF<end>".to_vec());
        Vocabulary::new(words, &[256]).unwrap()
    }

    fn allowed(grammar: &mut Grammar) -> Vec<u32> {
        let mut words = vec![0; 9];
        grammar.mask(&mut words).unwrap();
        (0..257).filter(|id| words[*id as usize / 32] >> (id % 32) & 1 == 1).collect()
    }

    #[test]
    fn a_regular_expression_leads_to_its_end() {
        let mut grammar = letters().grammar("regex", "ab?").unwrap();
        assert_eq!(allowed(&mut grammar), vec![u32::from(b'a')]);
        assert!(!grammar.take(u32::from(b'z')).unwrap());
        assert!(grammar.take(u32::from(b'a')).unwrap());
        assert_eq!(allowed(&mut grammar), vec![u32::from(b'b'), 256]);
        assert!(grammar.take(u32::from(b'b')).unwrap());
        assert!(!grammar.take(u32::from(b'b')).unwrap());
        assert!(grammar.take(256).unwrap());
        assert!(grammar.take(256).unwrap());
    }

    #[test]
    fn what_is_no_grammar_is_an_error() {
        let vocabulary = letters();
        assert!(vocabulary.grammar("lark", "start: (").is_err());
        assert!(vocabulary.grammar("json_schema", "{\"type\": \"nothing\"}").is_err());
        assert!(vocabulary.grammar("json_schema", "{").is_err());
        assert!(vocabulary.grammar("verse", "x").is_err());
    }
}
